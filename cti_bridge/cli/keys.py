"""`cti-bridge keys add | list | remove`: keys for programs that ask for tickets."""

import argparse
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from cti_bridge.cli.operators import with_accounts
from cti_bridge.operators.accounts import Accounts
from cti_bridge.settings import DEFAULT_PATH

_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keys` and what belongs to it to the command line."""
    group = commands.add_parser("keys", help="keys for programs that ask for tickets")
    keys = group.add_subparsers(dest="keys_command", required=True, metavar="COMMAND")
    add = keys.add_parser("add", help="make a key; it is shown only now")
    add.add_argument("name", type=_name, metavar="NAME")
    add.set_defaults(func=_add)
    listed = keys.add_parser("list", help="show the names of all keys")
    listed.add_argument("--json", action="store_true", help="print one JSON array")
    listed.set_defaults(func=_list)
    remove = keys.add_parser("remove", help="make a key worthless")
    remove.add_argument("name", type=_name, metavar="NAME")
    remove.set_defaults(func=_remove)
    for parser in (add, listed, remove):
        parser.add_argument("--config", type=Path, default=DEFAULT_PATH, metavar="FILE")


def _add(arguments: argparse.Namespace) -> int:
    async def make(accounts: Accounts) -> None:
        print(await accounts.add_key(arguments.name))
        print("Keep it now: it is stored only as a hash and cannot be shown again.", file=sys.stderr)

    return with_accounts(arguments.config, make, create=True)


def _list(arguments: argparse.Namespace) -> int:
    async def show(accounts: Accounts) -> None:
        made = {key.name: datetime.fromtimestamp(key.created_at, UTC) for key in accounts.integration_keys()}
        if arguments.json:
            print(json.dumps([{"name": name, "created_at": at.isoformat()} for name, at in made.items()]))
            return
        for name, at in made.items():
            print(f"{name}  {at:%Y-%m-%d %H:%M} UTC")

    return with_accounts(arguments.config, show)


def _remove(arguments: argparse.Namespace) -> int:
    return with_accounts(arguments.config, lambda accounts: accounts.remove_key(arguments.name))


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("a name has 1 to 40 of the characters A-Z a-z 0-9 . _ -")
    return text
