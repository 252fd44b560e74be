"""`cti-bridge rules reload`: the running daemon loads its rule file again, and says here what is wrong with it."""

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from cti_bridge.cli.private_listener import CONNECT_S, private_url
from cti_bridge.cli.terminal import printable
from cti_bridge.settings import DEFAULT_PATH, SettingsError, load_settings

KEY_VARIABLE = "CTI_RELOAD_KEY"
LONGEST_KEY = 200
_WITHIN_S = 90.0
"""One that is under way may take half a minute to be judged, and so may ours behind it."""
_LONGEST_ANSWER = 8_000_000
_SHOWN = 12


class _CannotAsk(Exception):
    """There is no key, no daemon, or no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the daemon said: HTTP status and JSON."""

    status: int
    said: dict[str, Any]


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `reload` to the `rules` commands."""
    reload = actions.add_parser(
        "reload",
        help="have the running daemon load its rule file again",
        description="Has the running daemon check its rule file, run the file's tests and put it in force, and says"
        " what is wrong with it otherwise. Takes a key of `cti-bridge keys add NAME --for reload` from"
        f" ${KEY_VARIABLE} or --key-file.",
    )
    reload.add_argument("--key-file", metavar="FILE", type=Path, help=f"the file with the key; else ${KEY_VARIABLE}")
    reload.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    reload.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
    reload.set_defaults(func=_reload)


def _reload(arguments: argparse.Namespace) -> int:
    try:
        url = private_url(load_settings(arguments.config).web, "/api/v1/rules/reload")
        answer = asyncio.run(_ask(url, _key(arguments.key_file)))
        return _tell(answer, url, as_json=arguments.json)
    except SettingsError as error:
        return _refuse(error.problems)
    except _CannotAsk as error:
        return _refuse([str(error)])


def _key(file: Path | None) -> str:
    """The key that was named. Raises _CannotAsk."""
    try:
        where = str(file) if file is not None else f"${KEY_VARIABLE}"
        text = file.read_text("utf-8") if file is not None else os.environ.get(KEY_VARIABLE, "")
    except OSError as error:
        raise _CannotAsk(f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _CannotAsk(f"{file}: not UTF-8") from error
    key = text.strip()
    if not key:
        raise _CannotAsk(f"{where}: no key; make one with cti-bridge keys add NAME --for reload")
    if not re.fullmatch(rf"[!-~]{{1,{LONGEST_KEY}}}", key):
        raise _CannotAsk(f"{where}: this is no key of cti-bridge keys add")
    return key


async def _ask(url: str, key: str) -> _Answer:
    """What the daemon says. Raises _CannotAsk."""
    limits = aiohttp.ClientTimeout(total=_WITHIN_S, sock_connect=CONNECT_S)
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=limits) as http,
            http.post(URL(url), headers=headers, allow_redirects=False) as answer,
        ):
            said = json.loads(await _whole(answer.content))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _CannotAsk(f"the daemon does not answer at {url}: {error or type(error).__name__}") from error
    except (ValueError, RecursionError) as error:
        raise _CannotAsk(f"what answers at {url} is no cti-bridge that can do this") from error
    if not isinstance(said, dict):
        raise _CannotAsk(f"what answers at {url} is no cti-bridge that can do this")
    return _Answer(answer.status, said)


async def _whole(content: aiohttp.StreamReader) -> bytes:
    """All of it, or ValueError: no answer of ours is so long."""
    text = bytearray()
    while piece := await content.readany():
        text += piece
        if len(text) > _LONGEST_ANSWER:
            raise ValueError
    return bytes(text)


def _tell(answer: _Answer, url: str, *, as_json: bool) -> int:
    """Print the outcome: 0 the file is in force, 1 it is refused. Raises _CannotAsk for any other answer."""
    said = answer.said
    if answer.status not in (200, 422) or not isinstance(said.get("accepted"), bool):
        error = said.get("error")
        message = error.get("message") if isinstance(error, dict) else None
        raise _CannotAsk(f"{url} answered {answer.status}: {message or 'nothing that makes sense'}")
    if as_json:
        print(json.dumps(said))
        return 0 if said["accepted"] else 1
    for warning in _lines(said.get("warnings")):
        print(printable(warning), file=sys.stderr)
    in_force = str(said.get("hash", ""))[:_SHOWN]
    if said["accepted"]:
        same = "the same as before" if said.get("previous") == said.get("hash") else "from the next call on"
        print(printable(f"rules {in_force} are in force, {same}; {said.get('tests')} tests passed"))
        return 0
    for problem in _lines(said.get("problems")):
        print(printable(problem))
    print(printable(f"cti-bridge: the file is refused, rules {in_force} stay in force"), file=sys.stderr)
    return 1


def _lines(said: object) -> list[str]:
    return [str(line) for line in said] if isinstance(said, list) else []


def _refuse(lines: Iterable[str]) -> int:
    for line in lines:
        print(f"cti-bridge: {printable(line)}", file=sys.stderr)
    return 2
