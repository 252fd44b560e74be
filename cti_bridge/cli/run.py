"""The command that runs the daemon."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from cti_bridge import log
from cti_bridge.cli.terminal import printable
from cti_bridge.daemon import CannotStart, Daemon
from cti_bridge.settings import DEFAULT_PATH, Settings, SettingsError, load_settings

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
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_daemon(settings))


async def _daemon(settings: Settings) -> signal.Signals:
    return await Daemon(settings).run()


def _refuse(lines: "list[str] | tuple[str, ...]") -> int:
    for line in lines:
        print(f"cti-bridge: {printable(line)}", file=sys.stderr)
    return 2
