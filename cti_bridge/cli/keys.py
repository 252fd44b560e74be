"""`cti-bridge keys add | list | remove`: keys for programs, each for one thing."""

import argparse
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from cti_bridge.cli.operators import with_accounts
from cti_bridge.cli.terminal import printable
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.store import KeyPurpose, StoredKey
from cti_bridge.settings import DEFAULT_PATH

_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keys` and what belongs to it to the command line."""
    group = commands.add_parser("keys", help="keys for programs: tickets for pages of others, reload of the rules")
    keys = group.add_subparsers(dest="keys_command", required=True, metavar="COMMAND")
    add = keys.add_parser("add", help="make a key; it is shown only now")
    add.add_argument("name", type=_name, metavar="NAME")
    add.add_argument(
        "--for",
        choices=[purpose.value for purpose in KeyPurpose],
        default=KeyPurpose.TICKETS.value,
        dest="purpose",
        help="the one thing it may do: ask for tickets for pages of others, or have the rules loaded again",
    )
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
        print(await accounts.add_key(arguments.name, KeyPurpose(arguments.purpose)))
        print("Keep it now: it is stored only as a hash and cannot be shown again.", file=sys.stderr)

    return with_accounts(arguments.config, make, create=True)


def _list(arguments: argparse.Namespace) -> int:
    async def show(accounts: Accounts) -> None:
        keys = accounts.integration_keys()
        if arguments.json:
            print(json.dumps([_plain(key) for key in keys]))
            return
        for key in keys:
            print(f"{key.name}  {_made_at(key):%Y-%m-%d %H:%M} UTC  for {printable(key.purpose)}")

    return with_accounts(arguments.config, show)


def _remove(arguments: argparse.Namespace) -> int:
    return with_accounts(arguments.config, lambda accounts: accounts.remove_key(arguments.name))


def _plain(key: StoredKey) -> dict[str, str]:
    return {"name": key.name, "created_at": _made_at(key).isoformat(), "for": key.purpose}


def _made_at(key: StoredKey) -> datetime:
    return datetime.fromtimestamp(key.created_at, UTC)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("a name has 1 to 40 of the characters A-Z a-z 0-9 . _ -")
    return text
