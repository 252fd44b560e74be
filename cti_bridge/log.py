"""Logging: structlog everywhere, lines of JSON or coloured text on stderr, no customer data in either.

Whoever logs a number masks it first (`mask`); this is the second fence: what still looks like a telephone number in any
text of a line is masked here, the libraries' own lines included.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

_NUMBER = re.compile(r"(?<![\w.:-])(\+?\d{4})\d{2,8}(\d{4})(?![\w.-])")


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _NUMBER.sub(r"\1***\2", value)
    if isinstance(value, Mapping):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return value


def mask_numbers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what looks like a telephone number in every value; what a reader looks for first comes first."""
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {key: _masked(value) for key, value in (first | dict(event)).items()}


def configure(*, style: str, level: str) -> None:
    """Set up structlog and the standard library's logging; `style` is auto, json or console."""
    coloured = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor]
    if coloured:
        # A plain traceback: the renderer's own choice would print local variables, customers among them.
        console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        last = [mask_numbers, console]
    else:
        last = [
            structlog.processors.format_exc_info,
            mask_numbers,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for library in ("panoramisk", "aiohttp.access", "asyncio"):
        logging.getLogger(library).setLevel(logging.ERROR)
