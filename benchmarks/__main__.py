"""`make bench`: measure, and print a table with machine and date.

    python -m benchmarks [decision] [rules] [reload] [diff] [pop] [cpu] [carry] [paint] [screen] [states]
        [import] [lookups] [mirror] [trouble] [journal] [reports]
        [biggest] [lookups-postgresql] [lookups-mariadb] [lookups-tryton] [lookups-generic] [lookups-bitrix24] …

Without names all but those of the last line are run, one after another. Exit code: 0 everything was measured, however
long it took; 1 something broke; 2 usage; 130 Ctrl-C.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial

import uvloop

from benchmarks import (
    carry,
    cpu,
    crm_trouble,
    decision,
    event_to_paint,
    importing,
    journal,
    lookups,
    mirroring,
    page_paint,
    past_calls,
    pop,
    reports,
    rule_reload,
    rules,
    states,
)
from benchmarks.crm_places import PLACES
from benchmarks.customers import FOLDER
from benchmarks.figures import Row, machine, table
from demo.asterisk import AsteriskError
from demo.bridge import BridgeError
from demo.sip_process import SipError

BENCHMARKS: dict[str, Callable[[], Awaitable[list[Row]]]] = {
    "decision": decision.rows,
    "rules": rules.rows,
    "reload": rule_reload.rows,
    "diff": past_calls.rows,
    "pop": pop.rows,
    "cpu": cpu.rows,
    "carry": carry.rows,
    "paint": page_paint.rows,
    "screen": event_to_paint.rows,
    "states": states.rows,
    "import": importing.rows,
    "lookups": lookups.rows,
    "mirror": mirroring.rows,
    "trouble": crm_trouble.rows,
    "journal": journal.rows,
    "reports": reports.rows,
    "biggest": importing.rows_of_the_biggest,
    **{f"lookups-{name}": partial(lookups.rows, [name]) for name in PLACES},
}
ONLY_BY_NAME = {"biggest", *(f"lookups-{name}" for name in PLACES)}
"""Takes more time and disk than anybody expects, or is a part of another one."""


def main() -> int:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="|".join(BENCHMARKS), help="which ones; all without a name")
    names = parser.parse_args().names or [name for name in BENCHMARKS if name not in ONLY_BY_NAME]
    if unknown := set(names) - BENCHMARKS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    try:
        return uvloop.run(measure(names))
    except (AsteriskError, BridgeError, SipError, OSError, RuntimeError, TimeoutError) as error:
        print(f"bench: {error or type(error).__name__}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 128 + signal.SIGINT


async def measure(names: list[str]) -> int:
    """Run these benchmarks and print their rows."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    for left_over in FOLDER.glob("run-*"):  # of a run that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    where = machine()
    rows = []
    for name in names:
        began = time.monotonic()
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        rows += await BENCHMARKS[name]()
        print(f"measured: {name}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"{where}\n\n{table(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
