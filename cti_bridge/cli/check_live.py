"""What `check` asks of the systems that are running: the stages of the CRM, and the queues of Asterisk."""

import asyncio

from cti_bridge.asterisk.ami.connection import AmiAddress
from cti_bridge.asterisk.ami.queues import CannotAsk, ask_queues
from cti_bridge.crm.kinds import EMBEDDED
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.stages import stages_of
from cti_bridge.crm_opening import crm_of
from cti_bridge.domain.customer import StageList
from cti_bridge.routing.problems import Problem
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.unknown_queues import unknown_queues
from cti_bridge.settings import Settings

LIMIT_S = 2.0
"""Nobody waits longer for a system that does not answer."""
CRM_LIMIT_S = 10.0
"""One in the cloud needs a few questions for its stages, and may want to be asked slowly."""


def open_once(settings: Settings) -> frozenset[Capability]:
    """Open the CRM as the daemon does, and close it again; nothing is asked. Raises SettingsError where that fails.

    What it declares that it can do comes back.
    """

    async def opened() -> frozenset[Capability]:
        crm = crm_of(settings)
        await crm.close()
        return crm.capabilities

    return asyncio.run(opened())


def stages_to_check(settings: Settings) -> tuple[StageList, str]:
    """The stages that rules may name, and why the CRM could not be asked for its own, else empty."""
    if settings.crm.stages is not None:
        return settings.crm.stages, ""
    try:
        return asyncio.run(_stages(settings)), ""
    except (CrmUnavailable, CrmRefuses) as error:
        why = str(error)
    except TimeoutError:
        why = f"no answer within {CRM_LIMIT_S:g} s"
    unknown = "" if settings.crm.kind == EMBEDDED else ", so those of the rules are not checked"
    return settings.crm.stages_unasked, f"the CRM ({settings.crm.kind}) was not asked for its stages{unknown}: {why}"


async def _stages(settings: Settings) -> StageList:
    crm = crm_of(settings)
    try:
        async with asyncio.timeout(CRM_LIMIT_S):
            return await stages_of(crm)
    finally:
        await crm.close()


def queues_that_are_not_there(settings: Settings, rules: RuleSet) -> tuple[tuple[Problem, ...], str]:
    """The queues of the rules that Asterisk does not have, and why it could not be asked, else empty."""
    ami = settings.pbx.ami
    address = AmiAddress(ami.host, ami.port, ami.username, ami.secret, ami.tls)
    try:
        known = asyncio.run(ask_queues(address, within_s=LIMIT_S))
    except CannotAsk as error:
        return (), f"Asterisk was not asked for its queues: {error}"
    return unknown_queues(rules, known, settings.pbx.name), "" if known else "Asterisk names no queues"
