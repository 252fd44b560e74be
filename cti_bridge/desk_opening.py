"""The operators' desk, as the daemon opens it: each of its parts with what it needs of the others."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.ami.connection import AmiConnection
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import Crm
from cti_bridge.crm.stages import Stages
from cti_bridge.desk.after.afterwards import Afterwards
from cti_bridge.desk.calls.call_desk import CallDesk
from cti_bridge.desk.customers.card_calls import CardCalls
from cti_bridge.desk.customers.customer_desk import CustomerDesk
from cti_bridge.desk.states.state_desk import StateDesk
from cti_bridge.operator_desk import OperatorDesk
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.reception.card_fetches import Fetch
from cti_bridge.reception.rule_file import RuleFile
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.record_keeping import RecordKeeping
from cti_bridge.settings import Mode, Settings


def desk_of(
    settings: Settings,
    *,
    ami: AmiConnection,
    switchboard: Switchboard,
    records: RecordKeeping,
    hub: Hub,
    accounts: Accounts,
    rules: RuleFile,
    crm: Crm,
    account: str,
    lookup: Lookup,
    stages: Stages,
    fetch: Fetch,
    now: Callable[[], float],
    registry: CollectorRegistry,
) -> OperatorDesk:
    """Everything that operators work with, ready to be opened.

    `account` tells one account of the CRM from another; `fetch` completes a card that was not shown before.
    """

    def directory() -> Directory:
        return accounts.directory

    card_calls = CardCalls(switchboard, records.journal, directory=directory, fetch=fetch)
    return OperatorDesk(
        settings.desk,
        commands=CommandList(),
        former=card_calls,
        switchboard=switchboard,
        directory=directory,
        afterwards=Afterwards(
            settings.desk,
            records.journal,
            records.work,
            hub,
            switchboard,
            directory=directory,
            zone=lambda: ZoneInfo(rules.current.timezone),
        ),
        calls=CallDesk(
            ami,
            switchboard,
            settings.desk.outbound,
            directory=directory,
            rules=lambda: rules.current,
            region=lambda: settings.pbx.region or rules.current.region,
        ),
        customers=CustomerDesk(
            crm,
            records.journal,
            hub,
            switchboard,
            card_calls,
            account=f"{settings.crm.kind} {account}".strip(),
            stage_words=settings.crm.stage_words,
            directory=directory,
            stages=lambda: stages.current,
            wrote=lambda written, made_for: lookup.wrote(
                written.record, fields=written.fields, deal=written.deal, made_for=made_for
            ),
            with_deals=settings.desk.create_deal,
        ),
        states=StateDesk(
            settings.desk,
            ami=ami,
            switchboard=switchboard,
            journal=records.journal,
            hub=hub,
            accounts=accounts,
            registry=registry,
            shadow=settings.mode is Mode.SHADOW,
            now=now,
        ),
    )
