"""Reads `queues`: the names of Asterisk's queues, and how long a caller waits in each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cti_bridge.routing.document import Node, Scalar, Table
from cti_bridge.routing.problems import Place, Problems, quoted
from cti_bridge.routing.scalars import QUEUE_NAME, Fields, read_name, read_seconds

MAX_QUEUE_TIMEOUT_S = 86_400


@dataclass(frozen=True, slots=True)
class Queues:
    """The time-out of each queue in whole seconds (0: without limit) by its name, and where in the file it stands."""

    timeouts: dict[str, int] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)


def read_queues(node: Node | None, problems: Problems) -> Queues:
    """All queues of the file; a mistake when there is none."""
    queues = Queues()
    if node is None:
        return queues
    if not isinstance(node, Table) or not node.entries:
        problems.add(node, "`queues` must name at least one queue", "such as `sales: {timeout: 60s}`")
        return queues
    spelled: dict[str, str] = {}
    for key, value in node.entries:
        name = read_name(key, "queue", problems, QUEUE_NAME)
        timeout_s = 0
        if not (isinstance(value, Scalar) and value.is_null):
            timeout = Fields(value, f"queue {quoted(key.text)}", ("timeout",), problems).get("timeout")
            timeout_s = _timeout(timeout, problems) if timeout is not None else 0
        if name is not None and _may_be_a_queue(key, name, spelled, problems):
            spelled[name.casefold()] = name
            queues.timeouts[name] = timeout_s
            queues.places[name] = Place(key.line, key.column)
    return queues


def _may_be_a_queue(key: Scalar, name: str, others: Mapping[str, str], problems: Problems) -> bool:
    """Whether Asterisk can have this queue beside the others, which are here by their names in small letters.

    To Asterisk, letters are the same in any case.
    """
    if name.casefold() == "general":
        problems.add(key, f"queue {quoted(name)}: Asterisk has no queue of this name", "it is reserved")
        return False
    same = others.get(name.casefold())
    if same is not None:
        problems.add(key, f"queue {quoted(name)} is the same as {quoted(same)} for Asterisk")
    return same is None


def _timeout(node: Node, problems: Problems) -> int:
    return read_seconds(node, "`timeout`", 0, MAX_QUEUE_TIMEOUT_S, problems) or 0
