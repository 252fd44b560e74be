"""Reads how a caller is treated in queues: which members may be called for him, his language, what he hears first."""

import re
from collections.abc import Mapping
from dataclasses import replace

from cti_bridge.domain.decision import Penalties
from cti_bridge.routing.document import Node, Scalar, Table
from cti_bridge.routing.lines import read_language
from cti_bridge.routing.problems import Problems, quoted
from cti_bridge.routing.rules import Treatment
from cti_bridge.routing.scalars import Fields, read_integer, read_milliseconds, read_text

TREATMENT_KEYS = ("penalties", "language", "announcement")
PENALTY_KEYS = ("min", "max")
MAX_PENALTY = 1000
MAX_ANNOUNCEMENT = 80
ANNOUNCEMENT = re.compile(rf"[A-Za-z0-9/_-]{{1,{MAX_ANNOUNCEMENT}}}")
"""A sound of Asterisk, without the ending of its file; it becomes an argument in the dialplan."""
MAX_WAITING = 1000
DEFAULT_OVERTAKE_S = 120
MAX_OVERTAKE_S = 86_400
NEVER = "never"


def read_treatment(fields: Fields, inherited: Treatment, problems: Problems) -> Treatment:
    """What these keys say, upon what the parents said; `""` takes back a language or announcement of theirs."""
    treatment = inherited
    if (node := fields.get("penalties")) is not None:
        treatment = replace(treatment, penalties=read_penalties(node, problems))
    if (node := fields.get("language")) is not None:
        treatment = replace(treatment, language="" if is_empty(node) else read_language(node, problems))
    if (node := fields.get("announcement")) is not None:
        treatment = replace(treatment, announcement="" if is_empty(node) else read_announcement(node, problems))
    return treatment


def is_empty(node: Node) -> bool:
    """Whether it says in quotes that there is none."""
    return isinstance(node, Scalar) and bool(node.style) and not node.text


def read_penalties(node: Node, problems: Problems) -> Penalties | None:
    """The least and the greatest penalty that a member may have; an empty mapping is no limit at all."""
    if not isinstance(node, Table):
        problems.add(node, "`penalties` must be a mapping of `min` and `max`", "such as {max: 4}")
        return None
    fields = Fields(node, "`penalties`", PENALTY_KEYS, problems)
    limits = {name: _penalty(name, value, problems) for name in PENALTY_KEYS if (value := fields.get(name)) is not None}
    found = Penalties(limits.get("min"), limits.get("max"))
    if found.min is not None and found.max is not None and found.min > found.max:
        problems.add(node, f"no member has a penalty of {found.min} or more and {found.max} or less")
    return found if limits else None


def _penalty(name: str, node: Node, problems: Problems) -> int | None:
    return read_integer(node, f"`{name}`", 0, MAX_PENALTY, problems)


def read_announcement(node: Node, problems: Problems) -> str:
    """The name of a sound; empty, and a mistake, when it cannot be one."""
    text = read_text(node, "`announcement`", problems) or ""
    if text and ANNOUNCEMENT.fullmatch(text) is None:
        problems.add(
            node,
            f"`announcement` {quoted(text)} is not the name of a sound",
            f"letters, digits, / _ -, up to {MAX_ANNOUNCEMENT}, without the ending of the file",
        )
        return ""
    return text


def read_max_waiting(node: Node, problems: Problems) -> int | None:
    """With how many callers waiting a step is passed over."""
    if isinstance(node, Scalar) and node.plain and node.text == "0":
        problems.add(node, "with `max_waiting` 0 nobody would ever get into this queue", "leave the step out")
        return None
    return read_integer(node, "`max_waiting`", 1, MAX_WAITING, problems)


def read_max_overtake(node: Node | None, problems: Problems) -> int | None:
    """For how many whole seconds a caller may be overtaken; None: for ever."""
    if node is None:
        return DEFAULT_OVERTAKE_S
    if isinstance(node, Scalar) and node.text == NEVER:
        return None
    duration_ms = read_milliseconds(node, "`max_overtake`", problems)
    if duration_ms is not None and (duration_ms % 1000 or not 0 < duration_ms <= MAX_OVERTAKE_S * 1000):
        problems.add(node, f"`max_overtake` must be 1 to {MAX_OVERTAKE_S} whole seconds, or `{NEVER}`")
    return (duration_ms or DEFAULT_OVERTAKE_S * 1000) // 1000


def treatment_words(
    priority: int | None, penalties: Penalties | None, language: str, announcement: str
) -> Mapping[str, str]:
    """Each of them that there is, in words, by its key in a rule."""
    said = {
        "priority": "" if priority is None else str(priority),
        "penalties": penalties.in_words if penalties else "",
        "language": language,
        "announcement": announcement,
    }
    return {name: words for name, words in said.items() if words}
