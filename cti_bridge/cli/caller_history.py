"""What the journal's file says of a caller's number, for `explain`: what a call would be told that arrived then."""

import sys
from datetime import datetime
from functools import partial

from sqlite_utils import Database

from cti_bridge.calls.journal_history import history_in
from cti_bridge.calls.record import DecisionRecord
from cti_bridge.cli.terminal import printable
from cti_bridge.database import DatabaseUnusable, read_only
from cti_bridge.domain.history import NO_HISTORY, CallerHistory
from cti_bridge.domain.ids import ChannelId
from cti_bridge.domain.number import CallerNumber
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.sections import Row, Section
from cti_bridge.settings import Settings


def history_of_caller(settings: Settings, rules: RuleSet, caller: CallerNumber, at: datetime) -> CallerHistory | None:
    """The history of this number, None where the rules do not ask for it or the journal cannot be read."""
    if not rules.asks_history:
        return None
    if caller.key is None:
        return NO_HISTORY
    path = settings.data_dir / "calls.sqlite"
    try:
        if not path.exists():
            raise DatabaseUnusable(f"{path}: there is no journal yet")
        return read_only(path, partial(_read, caller=caller.key, at=at.timestamp()))
    except DatabaseUnusable as error:
        print(printable(f"journal: {error}"), file=sys.stderr)
        return None


def first_rung_section(decision: DecisionRecord, rules: RuleSet) -> tuple[Section, ...]:
    """Who was rung first when the call arrived, and who was not; under other rules it would be somebody else.

    Nobody was where the dialplan went its own way, because it had waited too long or the bridge was in shadow mode.
    """
    if decision.rules_hash != rules.hash or not (decision.operator or decision.skipped):
        return ()
    rows = [Row("skipped", f"{who} {why}") for who, why in decision.skipped]
    title = "rung first" if decision.delivered else "would have been rung first"
    return (Section(title, (*rows, Row("operator", decision.operator or "nobody"))),)


def _read(database: Database, *, caller: str, at: float) -> CallerHistory:
    return history_in(database.conn, caller, [], at=at, but=ChannelId(""), until=at)
