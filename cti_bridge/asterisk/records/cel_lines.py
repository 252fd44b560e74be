"""Lines of Asterisk's channel event log (CEL), as cel_custom writes them by dialplan/cel_custom.conf, taken apart.

"HANGUP","1795317834.263053","main-1795317833.36","main-1795317833.36","PJSIP/trunk-00000020","+74950000150","",…
"""

import csv
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from cti_bridge.calls.events import CallerId
from cti_bridge.domain.ids import ChannelId

FIELDS = 11
_BEGIN = re.compile(r'^"[A-Z0-9_]{3,32}","\d{1,11}\.\d{6}","', re.MULTILINE)
"""How a record begins. Within a field every quote is doubled, so no caller can have such a beginning in his name."""


@dataclass(frozen=True, slots=True)
class CelLine:
    """One line: `at` in seconds since 1970, what happened, and the channel that it happened to."""

    at: float
    event: str
    channel: ChannelId
    linkedid: str
    name: str
    caller_id: CallerId
    exten: str
    app: str
    data: str
    extra: Mapping[str, str]

    @property
    def queue(self) -> str:
        """The queue that the channel waits or talks in by its application; empty when that is another one."""
        return queue_of(self.app, self.data)


def queue_of(app: str, data: str) -> str:
    """The queue that an application with these data is about; empty when it is not Queue."""
    return data.partition(",")[0].strip() if app == "Queue" else ""


def time_of(line: str) -> float | None:
    """When the record that begins in this line was made; None where none begins."""
    return float(line.split('"', 4)[3]) if _BEGIN.match(line) else None


def parse(text: str, *, later_s: float = 0.0) -> tuple[list[CelLine], int]:
    """The lines of a text, and how many could not be read; `later_s` is how far our clock is ahead of the PBX's.

    A name with a line break makes a record of two lines; one that is broken does not take the next with it.
    """
    begins = [found.start() for found in _BEGIN.finditer(text)]
    ends = [*begins[1:], len(text)]
    records = [text[begin:end] for begin, end in zip(begins, ends, strict=False)]
    lines = [line for record in records if (line := _line(record, later_s)) is not None]
    before = bool(text[: begins[0] if begins else len(text)].strip())
    return lines, len(records) - len(lines) + before


def _line(record: str, later_s: float) -> CelLine | None:
    try:
        rows = list(csv.reader([record.rstrip("\r\n")], strict=True))
        if len(rows) != 1 or len(rows[0]) != FIELDS:
            return None
        event, at, channel, linkedid, name, number, caller_name, exten, app, data, more = rows[0]
        extra = json.loads(more) if more else {}
    except (csv.Error, ValueError, RecursionError):
        return None
    columns_are_ours = channel and "/" not in channel and "/" in name
    if not columns_are_ours or not isinstance(extra, dict):
        return None
    texts = {key: str(value) for key, value in extra.items()}
    who = CallerId(number, caller_name)
    event, app = sys.intern(event), sys.intern(app)
    return CelLine(float(at) + later_s, event, ChannelId(channel), linkedid, name, who, exten, app, data, texts)
