"""The command that makes recordings of what Asterisk says, and replays them."""

import argparse
import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import aiohttp

from cti_bridge.asterisk.recording.lines import MAX_HEADER, NotARecording, read_header, read_lines
from cti_bridge.cli.call_record import print_record
from cti_bridge.cli.private_listener import CONNECT_S, private_url
from cti_bridge.cli.terminal import printable
from cti_bridge.reception.replay import Replayed, replay
from cti_bridge.settings import DEFAULT_PATH, SettingsError, WebSettings, load_settings
from cti_bridge.settings_model import seconds

_SILENCE_S = 30.0
"""The daemon gives a sign of life every few seconds."""
_BAD_LINES_NAMED = 20


class _CannotRecord(Exception):
    """The daemon cannot be asked, or the file not be written; the text says why."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `record`."""
    record = commands.add_parser(
        "record",
        help="what Asterisk says, masked, into a file; or the calls that such a file leads to",
        description="Has the running daemon write down what AMI, FastAGI and ARI say, with numbers and names replaced,"
        " until Ctrl-C or for a time; or takes such a file in again, without network, and prints its calls.",
    )
    what = record.add_mutually_exclusive_group(required=True)
    what.add_argument("--mask", metavar="FILE", type=Path, help="make a recording; the file must not exist yet")
    what.add_argument("--replay", metavar="FILE", type=Path, help="print the calls that this recording leads to")
    record.add_argument("--for", metavar="TIME", dest="for_s", type=_duration, help="how long: 90s, 10m, 2h")
    record.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    record.add_argument("--json", action="store_true", help="with --replay: JSON on stdout, nothing else")
    record.set_defaults(func=_record)


def _duration(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _record(arguments: argparse.Namespace) -> int:
    try:
        if arguments.replay is not None:
            return _replay(arguments.replay, as_json=arguments.json)
        return _mask(load_settings(arguments.config).web, arguments.mask, arguments.for_s)
    except SettingsError as error:
        return _refuse(*error.problems)
    except _CannotRecord as error:
        return _refuse(str(error))


# Making one -----------------------------------------------------------------------------------------------------------


def _mask(web: WebSettings, file: Path, for_s: float | None) -> int:
    """Make a recording; a file that nothing came into does not stay."""
    out = _new_file(file)
    try:
        return asyncio.run(_make(web, _Paper(out, file), for_s))
    finally:
        nothing = os.fstat(out.fileno()).st_size == 0
        with suppress(OSError):  # on a full disk; that has been told
            out.close()
        if nothing:
            file.unlink(missing_ok=True)


class _Paper:
    """The file, which gets whole lines only, and no signs of life."""

    def __init__(self, out: BinaryIO, file: Path) -> None:
        self._out = out
        self._file = file
        self._unfinished = b""

    def __str__(self) -> str:
        return printable(str(self._file))

    def write(self, piece: bytes) -> None:
        """Write what has become whole with this piece. Raises _CannotRecord."""
        *whole, self._unfinished = (self._unfinished + piece).split(b"\n")
        try:
            self._out.write(b"".join(line + b"\n" for line in whole if line))
            self._out.flush()
        except OSError as error:
            raise _CannotRecord(f"{self._file}: {error.strerror or error}") from error


async def _make(web: WebSettings, paper: _Paper, for_s: float | None) -> int:
    """Write down what the daemon streams. 0 when it was recorded for as long as asked, 1 when it ended before."""
    url = private_url(web, "/recording")
    limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=_SILENCE_S)
    writing = False
    try:
        async with aiohttp.ClientSession(timeout=limits) as http, http.get(url, allow_redirects=False) as answer:
            if answer.status != 200:
                said = (await answer.content.read(200)).decode("utf-8", "replace").strip()
                raise _CannotRecord(f"{url} answered {answer.status}: {said}")
            first = await _first_line(answer.content)
            paper.write(first)
            writing = True
            print(f"recording to {paper}; {_until(for_s)}", file=sys.stderr)
            await _copy(answer.content, paper, for_s)
    except (aiohttp.ClientError, TimeoutError) as error:
        if not writing:
            raise _CannotRecord(f"the daemon does not answer at {url}: {_why(error)}") from error
        print(f"cti-bridge: the recording ended early: {_why(error)}", file=sys.stderr)
        return 1
    return 0


async def _first_line(content: aiohttp.StreamReader) -> bytes:
    """The header of the recording. Raises _CannotRecord where something else is said."""
    first = bytearray()
    while not first.endswith(b"\n"):
        piece = await content.readany()
        first += piece
        if not piece or len(first) > MAX_HEADER:
            break
    header, _, rest = bytes(first).partition(b"\n")
    try:
        read_header(header)
    except NotARecording as error:
        raise _CannotRecord(f"what answers is no cti-bridge that can record ({error})") from error
    return header + b"\n" + rest


async def _copy(content: aiohttp.StreamReader, paper: _Paper, for_s: float | None) -> None:
    """Write what comes until the time is over. Raises ClientError or TimeoutError when it ends before."""
    try:
        async with asyncio.timeout(for_s) as limit:
            while piece := await content.readany():
                paper.write(piece)
    except TimeoutError:
        if not limit.expired():
            raise
        return
    raise aiohttp.ClientPayloadError("the daemon ended it; the last line of the file may say why")


def _new_file(file: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise _CannotRecord(f"{file}: {error.strerror or error}") from error


def _until(for_s: float | None) -> str:
    return "Ctrl-C ends it" if for_s is None else f"for {for_s:g} s, or until Ctrl-C"


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


# Replaying one --------------------------------------------------------------------------------------------------------


def _replay(file: Path, *, as_json: bool) -> int:
    """Print the calls of a recording. 0 when all of it could be read, 1 when not, or when there is no call in it."""
    try:
        with file.open("rb") as recording:
            header = read_header(recording.readline(MAX_HEADER + 1))
            replayed = asyncio.run(replay(header, read_lines(recording)))
    except OSError as error:
        raise _CannotRecord(f"{file}: {error.strerror or error}") from error
    except NotARecording as error:
        raise _CannotRecord(f"{file}:1: {error}") from error
    for index, record in enumerate(replayed.records):
        if index and not as_json:
            print()
        print_record(record, as_json=as_json)
    _tell(file, replayed)
    return 0 if replayed.records and not replayed.bad else 1


def _tell(file: Path, replayed: Replayed) -> None:
    for bad in replayed.bad[:_BAD_LINES_NAMED]:
        print(f"{printable(str(file))}:{bad.number}: {printable(bad.why)}", file=sys.stderr)
    if len(replayed.bad) > _BAD_LINES_NAMED:
        print(f"and {len(replayed.bad) - _BAD_LINES_NAMED} lines more", file=sys.stderr)
    if replayed.lost:
        print(f"{replayed.lost} messages are missing; calls may not be told to the end", file=sys.stderr)
    if replayed.end:
        print(f"the recording ended: {printable(replayed.end)}", file=sys.stderr)
    if not replayed.records:
        print("no call in this recording", file=sys.stderr)


def _refuse(*lines: str) -> int:
    for line in lines:
        print(f"cti-bridge: {printable(line)}", file=sys.stderr)
    return 2
