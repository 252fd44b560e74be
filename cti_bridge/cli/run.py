"""The command that runs the daemon."""

import argparse
import asyncio
import gc
import resource
import signal
import sys
from pathlib import Path

import uvloop

from cti_bridge import log
from cti_bridge.cli.terminal import printable
from cti_bridge.daemon import CannotStart, Daemon
from cti_bridge.settings import DEFAULT_PATH, Settings, SettingsError, load_settings

SWITCH_EVERY_S = 0.0005
"""The threads of the stores answer the event loop within a caller's wait; Python's own 5 ms would be much of it."""
GC_THRESHOLDS = (10_000, 50, 100)
"""Full collections paused the loop for 60 to 400 ms while 1,000 pages connected; rarer ones for 35 to 84 ms."""
INTERRUPTED = 128 + signal.SIGINT


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `run`."""
    run = commands.add_parser(
        "run",
        help="run the daemon",
        description="Runs until SIGTERM or Ctrl-C. SIGHUP loads the rules again; bad ones change nothing.",
    )
    run.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    run.set_defaults(func=_run)


def _run(arguments: argparse.Namespace) -> int:
    try:
        settings = load_settings(arguments.config)
        log.configure(style=settings.log_format, level=settings.log_level)
        received = asyncio_run(settings)
    except SettingsError as error:
        return _refuse(error.problems)
    except CannotStart as error:
        return _refuse(str(error).splitlines())
    return INTERRUPTED if received is signal.SIGINT else 0


def asyncio_run(settings: Settings) -> signal.Signals:
    """Run the daemon on uvloop until a signal tells it to stop, and say which one that was."""
    _allow_many_files()
    sys.setswitchinterval(SWITCH_EVERY_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_daemon(settings))


def _allow_many_files() -> None:
    """Take as many open files as this process may have: every page, call and database needs some."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _daemon(settings: Settings) -> signal.Signals:
    return await Daemon(settings).run()


def _refuse(lines: "list[str] | tuple[str, ...]") -> int:
    for line in lines:
        print(f"cti-bridge: {printable(line)}", file=sys.stderr)
    return 2
