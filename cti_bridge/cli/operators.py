"""`cti-bridge operators add | list | passwd | remove`: who signs in, and whose phone is whose.

The commands write to the file that the daemon reads; a running daemon follows within a second or two.
"""

import argparse
import asyncio
import getpass
import json
import sys
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path

from cti_bridge.cli import operator_states
from cti_bridge.cli.operators_check import check
from cti_bridge.cli.terminal import printable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import INTERFACE, OPERATOR_ID, Operator, Role
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.passwords import password_problem
from cti_bridge.operators.store import AccountConflict, NoSuchAccount
from cti_bridge.settings import DEFAULT_PATH, SettingsError, load_settings

_LANGUAGES = ("ru", "en")
_LONGEST = 80


class PasswordUnusable(Exception):
    """There is no password to work with; the text says why."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `operators` and what belongs to it to the command line."""
    group = commands.add_parser("operators", help="who signs in, and whose phone is whose")
    operators = group.add_subparsers(dest="operators_command", required=True, metavar="COMMAND")
    add = operators.add_parser("add", help="add an operator")
    add.add_argument("id", type=_operator_id, metavar="ID")
    add.add_argument("--name", required=True, type=_plain_text, help="how colleagues see him")
    add.add_argument("--phone", required=True, action="append", type=_interface, metavar="PJSIP/101", dest="phones")
    add.add_argument("--crm-user", type=_plain_text, metavar="X", help="his user in the CRM")
    add.add_argument("--role", default=Role.OPERATOR.value, choices=[role.value for role in Role])
    add.add_argument("--language", default="ru", choices=_LANGUAGES)
    add.set_defaults(func=_add)
    listed = operators.add_parser("list", help="show all operators")
    listed.add_argument("--json", action="store_true", help="print one JSON array")
    listed.set_defaults(func=_list)
    passwd = operators.add_parser("passwd", help="set a new password; ends his sessions")
    passwd.add_argument("id", type=_operator_id, metavar="ID")
    passwd.set_defaults(func=_passwd)
    remove = operators.add_parser("remove", help="remove an operator; ends his sessions")
    remove.add_argument("id", type=_operator_id, metavar="ID")
    remove.set_defaults(func=_remove)
    checked = operators.add_parser("check", help="what operators can do on this PBX, and what is missing")
    checked.add_argument("--json", action="store_true", help="print one JSON array")
    checked.set_defaults(func=check)
    operator_states.register(operators)
    for parser in (add, passwd):
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    for parser in (add, listed, passwd, remove, checked):
        parser.add_argument("--config", type=Path, default=DEFAULT_PATH, metavar="FILE")


def with_accounts(config: Path, work: Callable[[Accounts], Awaitable[None]], *, create: bool = False) -> int:
    """Run `work` on the accounts of this configuration; gives back the exit code and explains a failure on stderr.

    `create` makes the data directory where it is missing. 0: done, 1: refused by what is there, 2: not possible.
    """
    try:
        data_dir = load_settings(config).data_dir
        if create:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        asyncio.run(_run(data_dir, work))
    except (AccountConflict, NoSuchAccount) as error:
        _complain(str(error))
        return 1
    except SettingsError as error:
        for problem in error.problems:
            _complain(problem)
        return 2
    except DatabaseUnusable as error:
        _complain(f"the accounts cannot be used: {error}")
        return 2
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}")
        return 2
    return 0


async def _run(data_dir: Path, work: Callable[[Accounts], Awaitable[None]]) -> None:
    accounts = Accounts(data_dir)
    try:
        await accounts.open()
        await work(accounts)
    finally:
        await accounts.close()


def _add(arguments: argparse.Namespace) -> int:
    operator = Operator(
        id=OperatorId(arguments.id),
        name=arguments.name,
        phones=tuple(dict.fromkeys(arguments.phones)),
        role=Role(arguments.role),
        crm_user=arguments.crm_user or "",
        language=arguments.language,
    )
    return _with_password(arguments, lambda accounts, password: accounts.add(operator, password), create=True)


def _passwd(arguments: argparse.Namespace) -> int:
    return _with_password(arguments, lambda accounts, password: accounts.set_password(arguments.id, password))


def _remove(arguments: argparse.Namespace) -> int:
    return with_accounts(arguments.config, lambda accounts: accounts.remove(arguments.id))


def _list(arguments: argparse.Namespace) -> int:
    async def show(accounts: Accounts) -> None:
        operators = accounts.directory.all()
        if arguments.json:
            print(json.dumps([_plain(operator) for operator in operators]))
            return
        if not operators:
            _complain("no operators yet: cti-bridge operators add ID --name N --phone PJSIP/101")
        for operator in operators:
            details = (operator.role.value, " ".join(operator.phones), operator.crm_user, operator.language)
            print(printable(f"{operator.id}  {operator.name}  {'  '.join(detail for detail in details if detail)}"))

    return with_accounts(arguments.config, show)


def _with_password(
    arguments: argparse.Namespace, work: Callable[[Accounts, str], Awaitable[None]], *, create: bool = False
) -> int:
    try:
        password = _password(from_stdin=arguments.password_stdin)
    except PasswordUnusable as error:
        _complain(str(error))
        return 2
    return with_accounts(arguments.config, lambda accounts: work(accounts, password), create=create)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        try:
            password = sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            raise PasswordUnusable("the password is no UTF-8 text") from None
    elif not sys.stdin.isatty():
        raise PasswordUnusable("there is no terminal to ask for the password on: use --password-stdin")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise PasswordUnusable("the two passwords differ")
    problem = password_problem(password)
    if problem:
        raise PasswordUnusable(problem)
    return password


def _plain(operator: Operator) -> dict[str, object]:
    return {
        "id": operator.id,
        "name": operator.name,
        "role": operator.role.value,
        "phones": list(operator.phones),
        "crm_user": operator.crm_user,
        "language": operator.language,
    }


def _operator_id(text: str) -> str:
    if not OPERATOR_ID.fullmatch(text):
        raise argparse.ArgumentTypeError("an id has 1 to 32 of the characters a-z 0-9 . _ -")
    return text


def _interface(text: str) -> str:
    if not INTERFACE.fullmatch(text):
        raise argparse.ArgumentTypeError("a phone is an interface of Asterisk, such as PJSIP/101")
    return text


def _plain_text(text: str) -> str:
    stripped = text.strip()
    if not 1 <= len(stripped) <= _LONGEST or any(unicodedata.category(letter)[0] == "C" for letter in stripped):
        raise argparse.ArgumentTypeError(f"1 to {_LONGEST} characters without control characters, please")
    return stripped


def _complain(message: str) -> None:
    print(printable(message), file=sys.stderr)
