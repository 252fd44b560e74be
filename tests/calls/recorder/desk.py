"""What operators do at their pages: the caller waits in a place of our dialplan, and somebody is asked about him."""

import asyncio

from demo.lab import Message
from recorder.place import OUTSIDE
from recorder.stage import A_MOMENT_S, Stage, Story, gone


async def desk_hold(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        for _ in range(2):
            await _hold(stage, connected)
            await _join(stage, connected, connected["DestChannel"])
        await gone(caller)


async def desk_hold_operator_gone(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, connected):
        await _hold(stage, connected)
        await phone.hang_up()
        await stage.answers("101", times=2)
        await gone(caller)


async def desk_hold_caller_gone(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await _hold(stage, connected)
        await gone(caller)
        await stage.ear.event("Hangup", Channel=connected["DestChannel"])


async def desk_consult_completed(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await _consult(stage, connected, "PJSIP/102")
        await stage.answers("102")
        await _join(stage, connected, _channel_of(stage, "102"))
        await stage.ear.event("Hangup", Channel=connected["DestChannel"])
        await gone(caller)


async def desk_consult_cancelled(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await _hold(stage, connected)
        await _consult(stage, connected, "PJSIP/102", held=True)
        await stage.answers("102")
        await _join(stage, connected, connected["DestChannel"])
        await _consult(stage, connected, "PJSIP/103")
        await stage.ring("103")
        await asyncio.sleep(A_MOMENT_S)
        await _join(stage, connected, connected["DestChannel"])
        await gone(caller)


async def desk_consult_refused(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await _consult(stage, connected, "PJSIP/102")
        await stage.ring("102")
        await stage.phones["102"].refuse()
        await stage.ear.event("UserEvent", UserEvent="CtiAsked")
        await asyncio.sleep(A_MOMENT_S)
        await _join(stage, connected, connected["DestChannel"])
        await gone(caller)


async def desk_consult_operator_gone(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, connected):
        await _consult(stage, connected, "PJSIP/102")
        await stage.answers("102")
        await phone.hang_up()
        await stage.answers("101", times=2)
        await gone(caller)


async def desk_consult_caller_gone(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await _consult(stage, connected, "PJSIP/102")
        await stage.answers("102")
        await gone(caller)
        await asyncio.sleep(A_MOMENT_S)
        await stage.phones["102"].hang_up()
        await stage.ear.event("Hangup", Channel=connected["DestChannel"])


async def desk_consult_outside(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await _consult(stage, connected, f"Local/{OUTSIDE}@phones/n")
        await stage.ring("104")
        await stage.phones["104"].answer()
        await asyncio.sleep(A_MOMENT_S)
        half = next(e["DestChannel"] for e in stage.ear.events("DialBegin") if e["DestChannel"].endswith(";1"))
        await _join(stage, connected, half)
        await stage.ear.event("Hangup", Channel=connected["DestChannel"])
        await gone(caller)


async def _hold(stage: Stage, connected: Message, place: str = "cti-desk") -> None:
    """As the bridge does it: what both have to know, and then both in one go."""
    caller, leg = connected["Channel"], connected["DestChannel"]
    began = stage.ear.mark()
    await _set(stage, caller, CTI_DESK_LEG=leg, CTI_DESK_LEG_ID=connected["DestUniqueid"])
    await _set(stage, caller, CTI_TRANSFER_BACK="PJSIP/101", CTI_TRANSFER_BACK_QUEUE="sales")
    await _set(stage, leg, CTI_DESK_CALLER=connected["Uniqueid"])
    await stage.asterisk.lab.action(
        "Redirect", Channel=caller, Context="cti-hold", Exten="s", Priority=1,
        ExtraChannel=leg, ExtraContext=place, ExtraExten="s", ExtraPriority=1,
    )  # fmt: skip
    await stage.ear.event("UserEvent", since=began, UserEvent="CtiHold")
    await asyncio.sleep(A_MOMENT_S)


async def _consult(stage: Stage, connected: Message, asked: str, *, held: bool = False) -> None:
    leg = connected["DestChannel"]
    await _set(stage, leg, CTI_DESK_ASK=asked, CTI_DESK_ASK_TIMEOUT="20")
    if held:
        await stage.asterisk.lab.action("Redirect", Channel=leg, Context="cti-consult", Exten="s", Priority=1)
    else:
        await _hold(stage, connected, "cti-consult")


async def _join(stage: Stage, connected: Message, leg: str) -> None:
    began = stage.ear.mark()
    await _set(stage, connected["Channel"], CTI_DESK_JOIN=leg)
    caller = connected["Channel"]
    await stage.asterisk.lab.action("Redirect", Channel=caller, Context="cti-join", Exten="s", Priority=1)
    await stage.ear.event("BridgeEnter", since=began, Uniqueid=connected["Uniqueid"])
    await asyncio.sleep(A_MOMENT_S)


async def _set(stage: Stage, channel: str, **variables: str) -> None:
    for name, value in variables.items():
        await stage.asterisk.lab.action("Setvar", Channel=channel, Variable=name, Value=value)


def _channel_of(stage: Stage, extension: str) -> str:
    entered = stage.ear.events("BridgeEnter")
    return next(one["Channel"] for one in entered if one["Channel"].startswith(f"PJSIP/{extension}-"))


STORIES: tuple[Story, ...] = (
    desk_hold,
    desk_hold_operator_gone,
    desk_hold_caller_gone,
    desk_consult_completed,
    desk_consult_cancelled,
    desk_consult_refused,
    desk_consult_operator_gone,
    desk_consult_caller_gone,
    desk_consult_outside,
)
