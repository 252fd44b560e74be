"""The `cti-bridge` command: one parser, one file for each group of commands."""

import argparse
import os
import sys
from collections.abc import Sequence

from cti_bridge import __version__, log
from cti_bridge.cli import calls, check, crm, keys, operators, outbox, record, rules, run, work

EXIT_CODES = "Exit codes: 0 done, or yes; 1 the answer is no; 2 it could not be asked; 130 Ctrl-C."


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="cti-bridge",
        description="Asterisk and a CRM as one: every caller to the right queue, every operator the right card.",
        epilog=EXIT_CODES,
    )
    whole.add_argument("--version", action="version", version=f"cti-bridge {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    for group in (run, check, rules, crm, operators, keys, calls, work, outbox, record):
        group.register(commands)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and give back its exit code."""
    log.configure(style="auto", level="error")
    try:
        whole = parser()
        chosen = whole.parse_args(arguments)
        if not _is_text(chosen):
            whole.error("an argument is not text in UTF-8")
        return int(chosen.func(chosen))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _is_text(chosen: argparse.Namespace) -> bool:
    """Whether every argument but a path, which may be any bytes, can be written down again."""
    values = [one for value in vars(chosen).values() for one in (value if isinstance(value, list) else [value])]
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
