"""Single values of a rule file: names, whole numbers, durations; each mistake is noted where it stands."""

import re
import zoneinfo
from collections.abc import Collection

from cti_bridge.routing.document import Items, Node, Scalar, Table
from cti_bridge.routing.problems import Located, Problems, quoted, suggestion

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
QUEUE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
DECIMAL = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_DURATION = re.compile(r"([0-9]{1,9})\s*(ms|s|m|h|d)?")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, None: 1000}


class Fields:
    """The entries of one mapping, taken out by name; keys that are not allowed are noted at once."""

    def __init__(self, node: Node, what: str, allowed: Collection[str], problems: Problems) -> None:
        self.at: Located = node
        self._problems = problems
        self._what = what
        self._values: dict[str, Node] = {}
        if not isinstance(node, Table):
            problems.add(node, f"{what} must be a mapping of keys to values", f"known keys: {', '.join(allowed)}")
            return
        for key, value in node.entries:
            if key.text in allowed:
                self._values[key.text] = value
            else:
                hint = suggestion(key.text, allowed, f"known keys: {', '.join(allowed)}")
                problems.add(key, f"unknown key {quoted(key.text)}", hint)

    def get(self, key: str) -> Node | None:
        """The value of a key, None when it is not there."""
        return self._values.get(key)

    def required(self, key: str) -> Node | None:
        """The value of a key; its absence is a mistake."""
        if key not in self._values:
            self._problems.add(self.at, f"{self._what} needs `{key}`")
        return self._values.get(key)


def read_text(node: Node, what: str, problems: Problems) -> str | None:
    """A non-empty text."""
    if isinstance(node, Scalar) and not node.is_null and node.text.strip():
        return node.text
    problems.add(node, f"{what} must be a text")
    return None


def read_name(node: Node, what: str, problems: Problems, pattern: re.Pattern[str] = NAME) -> str | None:
    """A name in the pattern given."""
    text = read_text(node, what, problems)
    if text is None or pattern.fullmatch(text):
        return text
    problems.add(node, f"{what} {quoted(text)} is not a name", f"allowed: {pattern.pattern}")
    return None


def read_choice(node: Node, what: str, choices: Collection[str], problems: Problems) -> str | None:
    """One of the words that are allowed here."""
    text = read_text(node, what, problems)
    if text is None or text in choices:
        return text
    listed = ", ".join(choices)
    problems.add(node, f"{what} must be one of {listed}, not {quoted(text)}", suggestion(text, choices))
    return None


def read_zone(node: Node, what: str, kind: str, problems: Problems) -> str | None:
    """A time zone by its IANA name; `kind` is how the message calls it."""
    text = read_text(node, what, problems)
    if text is None:
        return None
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        # a machine without zone data cannot judge any name
        if zoneinfo.available_timezones():
            problems.add(node, f"{kind} {quoted(text)} is not known", "such as Europe/Moscow")
    return text


def read_integer(node: Node, what: str, low: int, high: int, problems: Problems) -> int | None:
    """A whole number within these limits, both included."""
    if isinstance(node, Scalar) and node.plain and INTEGER.fullmatch(node.text) and low <= int(node.text) <= high:
        return int(node.text)
    shown = f", not {quoted(node.text)}" if isinstance(node, Scalar) else ""
    problems.add(node, f"{what} must be a whole number from {low} to {high}{shown}")
    return None


def read_milliseconds(node: Node, what: str, problems: Problems) -> int | None:
    """A duration such as `300ms`, `60s`, `2m`, `24h`, `7d` or a plain number of seconds, in milliseconds."""
    match = _DURATION.fullmatch(node.text.strip()) if isinstance(node, Scalar) else None
    if match is None:
        shown = f", not {quoted(node.text)}" if isinstance(node, Scalar) else ""
        problems.add(node, f"{what} must be a duration{shown}", "such as 60s, 2m or a number of seconds")
        return None
    return int(match.group(1)) * _UNIT_MS[match.group(2)]


def read_seconds(node: Node, what: str, low: int, high: int, problems: Problems) -> int | None:
    """A duration in whole seconds within these limits, both included."""
    duration_ms = read_milliseconds(node, what, problems)
    if duration_ms is None:
        return None
    if duration_ms % 1000 or not low <= duration_ms // 1000 <= high:
        problems.add(node, f"{what} must be {low} to {high} whole seconds")
        return None
    return duration_ms // 1000


def read_items(node: Node, what: str, problems: Problems) -> tuple[Node, ...]:
    """The entries of a list; an empty tuple when it is none."""
    if isinstance(node, Items):
        return node.items
    problems.add(node, f"{what} must be a list")
    return ()
