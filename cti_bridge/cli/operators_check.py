"""`cti-bridge operators check`: what operators can do on this PBX, and what is missing for the rest."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from cti_bridge.asterisk.ami.connection import AmiAddress
from cti_bridge.asterisk.ami.once import session
from cti_bridge.asterisk.ami.queues import CannotAsk
from cti_bridge.asterisk.ami.steering import PbxRefused, PbxSilent, Steering
from cti_bridge.cli.terminal import printable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.means import ask_means
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from cti_bridge.settings import Settings, SettingsError, load_settings

LIMIT_S = 5.0
_NO_DIALPLAN = "dialplan/cti-bridge.conf of this version is not included; then `dialplan reload`"

_RIGHTS = "write= of this user in manager.conf needs agent,call,originate,reporting"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at. `remedy` is empty where all is well."""

    what: str
    ok: bool
    remark: str = ""
    remedy: str = ""


_NEEDS = {
    "transfer": ("send a caller on, and have him brought back", _NO_DIALPLAN),
    "hold": ("hold, and ask a colleague", f"load func_global.so, in modules.conf, and see that {_NO_DIALPLAN}"),
    "wait": ("be called last, and call those who are, after a while", _NO_DIALPLAN),
    "pickup": ("pick up a colleague's ringing call", "load app_directed_pickup.so, in modules.conf"),
    "outbound": (
        "call outside by a click",
        "name the context for outgoing calls in the global CTI_OUTBOUND_CONTEXT, in extensions.conf",
    ),
}


def check(arguments: argparse.Namespace) -> int:
    """Say what works. 0: all of it, 1: something is missing, 2: it cannot be asked."""
    try:
        found = asyncio.run(_look(load_settings(arguments.config)))
    except SettingsError as error:
        for problem in error.problems:
            print(printable(problem), file=sys.stderr)
        return 2
    except (CannotAsk, PbxRefused, PbxSilent, DatabaseUnusable) as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False))
    else:
        for one in found:
            told = "; ".join(text for text in (one.remark, one.remedy) if text)
            print(printable(f"{'yes' if one.ok else 'MISSING':<7}  {one.what:<44}  {told}".rstrip()))
    return 0 if all(one.ok for one in found) else 1


async def _look(settings: Settings) -> list[Found]:
    ami = settings.pbx.ami
    events = EventWatch()
    address = AmiAddress(ami.host, ami.port, ami.username, ami.secret, ami.tls)
    operators = await _operators(settings)
    async with session(address, lambda event: events.heard(event, ()), wants="UserEvent", within_s=LIMIT_S) as asked:
        steering = Steering(asked)
        may = await steering.may_steer()
        found = [Found("end a call, refuse one", ok=may, remedy="" if may else _RIGHTS)]
        try:
            found += list(_means(await ask_means(steering, events, within_s=LIMIT_S)))
        except PbxRefused as refused:
            found.append(Found("all else", ok=False, remark=f"AMI says: {refused}", remedy=_RIGHTS))
        queues = {name: await steering.members(name) for name in await steering.queues()}
        for operator in operators:
            found += [await _phone(steering, operator, phone, queues) for phone in operator.phones]
    return found


async def _operators(settings: Settings) -> tuple[Operator, ...]:
    accounts = Accounts(settings.data_dir)
    try:
        await accounts.open()
        return accounts.directory.all()
    finally:
        await accounts.close()


def _means(means: frozenset[str]) -> Iterator[Found]:
    for name, (what, remedy) in _NEEDS.items():
        there = name in means
        yield Found(what, ok=there, remedy="" if there else (remedy if means else _NO_DIALPLAN))


async def _phone(steering: Steering, operator: Operator, phone: str, queues: dict[str, frozenset[str]]) -> Found:
    member_of = sorted(name for name, members in queues.items() if phone in members)
    remark = f"member of {', '.join(member_of)}" if member_of else "member of no queue at present"
    there = await steering.can_be_reached(phone)
    remedy = "" if there else "it is not registered, or the PBX has no such endpoint"
    return Found(f"{operator.id}: {phone}", ok=there, remark=remark, remedy=remedy)
