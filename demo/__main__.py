"""`make demo`: a real Asterisk, the bridge, a small CRM and sample callers, on this machine and nowhere else.

    python -m demo [--once] [--customers F.csv] [--rules F.yaml] [--callers F.csv] [--entry ari] [--crm tryton] [--json]

Without `--once` the callers call again and again until Ctrl-C. With `--crm tryton` the customers are parties of a real
Tryton, which is installed for that, and after a round the calls have to be found at their parties. Exit code: 0 every
call went as expected; 1 one did not, or rows of a file were rejected; 2 the demo could not be started; 130 Ctrl-C.
"""

import argparse
import asyncio
import itertools
import os
import secrets
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.cli.terminal import printable
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError
from demo.asterisk import PHONES, REPOSITORY, AsteriskError, build_root
from demo.bridge import BridgeError
from demo.callers import CallersRejected, CallersUnreadable, SampleCaller, read_callers
from demo.desks import DeskError, Desks
from demo.lab import LabError
from demo.play import Play
from demo.show import Screen
from demo.sip import OUTSIDE, Behaviour, Phones
from demo.sip_process import SipError
from demo.staff import OPERATORS
from demo.system import CannotStart, Files, System
from demo.tryton import Installation, TrytonError
from demo.tryton_customers import TrytonCustomers
from demo.tryton_install import install
from demo.tryton_office import OfficeError

HERE = Path(__file__).resolve().parent
CACHE = REPOSITORY / ".cache"
ONCE_RING_S, ONCE_TALK_S = 0.4, 0.3
ARRIVE_S = 20.0
"""How long the last report may take to the CRM after the round."""
SHIPPED_RULES = REPOSITORY / "config" / "routing.yaml"
PATIENT_RULES = ("deadline: 300ms", "deadline: 900ms")
"""In the demo a real CRM shares two processors with Asterisk, callers and phones; elsewhere it has its own."""
LOOP_RING_S, LOOP_TALK_S, LOOP_PAUSE_S = 5.0, 6.0, 2.0
STOPPED = 128 + signal.SIGINT
CANNOT_GO_ON = (
    CallersUnreadable, AsteriskError, BridgeError, SipError, LabError, DeskError, TrytonError, OfficeError,
)  # fmt: skip


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=...", description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="one round of the callers, then the table")
    parser.add_argument("--customers", type=Path, default=HERE / "customers.csv", metavar="F.csv")
    parser.add_argument("--rules", type=Path, default=SHIPPED_RULES, metavar="F.yaml")
    parser.add_argument("--callers", type=Path, default=HERE / "callers.csv", metavar="F.csv")
    parser.add_argument("--entry", choices=("agi", "ari"), default="agi", help="how the trunk asks the bridge")
    parser.add_argument("--crm", choices=("embedded", "tryton"), default="embedded", help="where the customers are")
    parser.add_argument("--json", action="store_true", help="a JSON object per call on stdout, and nothing else")
    arguments = parser.parse_args()
    screen = Screen(as_json=arguments.json)
    try:
        callers = read_callers(arguments.callers)
        files = read_files(arguments.customers, arguments.rules)
        tryton = install(CACHE) if arguments.crm == "tryton" else None
        return asyncio.run(run(screen, callers, files, once=arguments.once, entry=arguments.entry, tryton=tryton))
    except CallersRejected as error:
        return complain(str(error), 1)
    except CannotStart as error:
        return complain(str(error), error.code)
    except CANNOT_GO_ON as error:
        return complain(str(error), 2)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return STOPPED


def read_files(customers: Path, rules: Path) -> Files:
    """Return what a run is made of. Raises CannotStart with every mistake in the rule file."""
    try:
        read = load_rules(rules.read_text("utf-8"), stages=SHIPPED_STAGES)
        return Files(customers, rules, tuple(read.queues), read.region)
    except OSError as error:
        raise CannotStart(f"{rules}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CannotStart(f"{rules}: not UTF-8") from error
    except RulesError as error:
        raise CannotStart("\n".join(problem.format(str(rules)) for problem in error.problems)) from None


def complain(text: str, code: int) -> int:
    """Print what is wrong and return the exit code."""
    for line in text.splitlines():
        print(printable(line), file=sys.stderr)
    return code


async def run(
    screen: Screen,
    callers: list[SampleCaller],
    files: Files,
    *,
    once: bool,
    entry: str,
    tryton: Installation | None = None,
) -> int:
    """Start everything, play the callers, and return the exit code."""
    stop_on_terminate()
    root = await build_root(CACHE)
    password = secrets.token_urlsafe(9)
    ring_s, talk_s = (ONCE_RING_S, ONCE_TALK_S) if once else (LOOP_RING_S, LOOP_TALK_S)
    behaviours = {**dict.fromkeys(PHONES, Behaviour(answer_after=ring_s)), OUTSIDE: Behaviour(answer_after=3.0)}
    with tempfile.TemporaryDirectory(prefix="cti-demo-", dir=os.environ.get("TMPDIR")) as folder:
        Path(folder).chmod(0o755)
        crm = TrytonCustomers(tryton, Path(folder) / "tryton") if tryton else None
        if crm is not None and files.rules == SHIPPED_RULES:
            screen.say("callers wait for Tryton up to 900 ms here: it shares this machine with everything else")
            files = replace(files, rules=patient(SHIPPED_RULES, Path(folder) / "routing.yaml"))
        async with (
            System(root, Path(folder), files, password=password, say=screen.say, entry=entry, tryton=crm) as system,
            Phones(system.asterisk, behaviours),
            Desks(system.url, dict.fromkeys(OPERATORS, password)) as desks,
        ):
            screen.welcome(system.url, password, OPERATORS, system.members)
            if crm is not None:
                screen.say(crm.where_to_look())
            play = Play(system.asterisk, desks, JournalFile(system.journal), talk_s, screen.step)
            all_well = await play_all(screen, play, callers, once=once)
            if crm is not None:
                all_well = await calls_arrived(screen, crm, callers, region=files.region) and all_well
            return 0 if all_well and not system.rows_rejected else 1


def patient(rules: Path, copy: Path) -> Path:
    """Copy the shipped rules, so that callers wait for the CRM as long as they may."""
    text = rules.read_text("utf-8")
    assert PATIENT_RULES[0] in text
    copy.write_text(text.replace(*PATIENT_RULES), "utf-8")
    return copy


async def play_all(screen: Screen, play: Play, callers: list[SampleCaller], *, once: bool) -> bool:
    """Play one round, or rounds without end; return whether every call of the round went as expected."""
    results = []
    with screen:
        for caller in callers if once else itertools.cycle(callers):
            screen.rings(caller)
            result = await play.call(caller)
            screen.result(result)
            if once:
                results.append(result)
            else:
                await asyncio.sleep(LOOP_PAUSE_S)
    screen.table(results)
    return all(result.ok for result in results)


async def calls_arrived(screen: Screen, crm: TrytonCustomers, callers: list[SampleCaller], *, region: str) -> bool:
    """Whether Tryton has every call of the round where it belongs; what is there is said."""
    numbers = [caller.number for caller in callers if caller.number]
    calls, missing = await crm.calls_of(numbers, region=region, within_s=ARRIVE_S)
    screen.say("in Tryton there are now, among the attachments of")
    for call in calls:
        screen.say(f"  {call}")
    if missing:
        screen.say(f"in Tryton, a call is missing at: {'; '.join(missing)}")
    else:
        screen.say("so Tryton has every call of the round whose number was shown")
    return not missing


def stop_on_terminate() -> None:
    """Have SIGTERM end the demo as tidily as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


if __name__ == "__main__":
    sys.exit(main())
