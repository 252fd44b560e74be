"""Logging: structlog everywhere, lines of JSON or coloured text on stderr, no customer data in either.

Whoever logs a number masks it first (`mask`); this is the second fence: what still looks like a telephone number in any
text of a line is masked here, the libraries' own lines included. So is what would begin another line or steer the
terminal of whoever reads the log.
"""

import atexit
import contextlib
import io
import logging
import queue
import re
import sys
import threading
from collections.abc import Mapping
from typing import Any, TextIO, cast

import structlog
from structlog.types import EventDict, ExcInfo, Processor, WrappedLogger

MAX_WAITING = 10_000
"""Lines that may wait for a slow reader of the log; a call writes one."""
_LAST_LINES_S = 1.0
_NUMBER = re.compile(r"(?<![\w.:-])(\+?\d{4})\d{2,8}(\d{4})(?![\w.-])")


_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
"""Control characters, line breaks, marks that turn the direction of writing or cannot be seen, and halves of pairs."""
_OF_SEVERAL_LINES = ("exception", "stack")


def _masked(value: Any, *, lines: bool = False) -> Any:
    if isinstance(value, str):
        return _STEERING.sub(_kept if lines else _escape, _NUMBER.sub(r"\1***\2", value))
    if isinstance(value, Mapping):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return value


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _kept(found: re.Match[str]) -> str:
    return found[0] if found[0] == "\n" else _escape(found)


def _traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """A plain traceback, masked: the renderer's own choice would print local variables, customers among them."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    stream.write(_masked(plain.getvalue(), lines=True))


def mask_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what looks like a telephone number in every value, and keep each on one line; what matters comes first."""
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {key: _masked(value, lines=key in _OF_SEVERAL_LINES) for key, value in (first | dict(event)).items()}


class Drain:
    """Takes lines without ever blocking or failing, and writes them to a stream on a thread of its own.

    The reader of a log may stop reading, and the disk behind it may be full; neither may hold up a call. What does not
    fit or cannot be written is dropped and counted in `lost`.
    """

    def __init__(self, stream: TextIO) -> None:
        self.lost = 0
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None

    def write(self, line: str) -> int:
        """Take one line, with its line break."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            self._thread.start()
            atexit.register(self.close)
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.lost += 1
        return len(line)

    def flush(self) -> None:
        """Nothing: the thread flushes whenever nothing waits."""

    def close(self) -> None:
        """Write what waits, for a second at most."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
        if self._thread is not None:
            self._thread.join(_LAST_LINES_S)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._stream.write(line)
                if self._lines.empty():
                    self._stream.flush()
            except (OSError, ValueError):
                self.lost += 1


DRAIN = Drain(sys.stderr)
"""Where every line of this process goes; there is one stderr, so there is one of it."""


def configure(*, style: str, level: str) -> None:
    """Set up structlog and the standard library's logging; `style` is auto, json or console."""
    coloured = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor]
    if coloured:
        last = [mask_numbers, structlog.dev.ConsoleRenderer(exception_formatter=_traceback)]
    else:
        last = [
            structlog.processors.format_exc_info,
            mask_numbers,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *last],
        # Straight to it: the way through the standard library costs three times as much for every call.
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", DRAIN)),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(threshold, shared, last)


def _configure_libraries(threshold: int, shared: list[Processor], last: list[Processor]) -> None:
    """Have what libraries log look like our own lines, and pass the same fence."""
    handler = logging.StreamHandler(cast("TextIO", DRAIN))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    for library in ("panoramisk", "aiohttp.access", "asyncio"):
        logging.getLogger(library).setLevel(logging.ERROR)
