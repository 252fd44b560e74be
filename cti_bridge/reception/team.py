"""What operators are told of each other: who is called, who talks, and in which queue; nothing about callers. Pure."""

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.pops import OwnerOf, Part, parts
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json

_BUSY = {Part.RINGING: "ringing", Part.CONSULTING: "talking", Part.TALKING: "talking"}
"""What colleagues are told of an operator's part in a call."""


def team_list(book: CallBook, directory: Directory, owner_of: OwnerOf) -> list[Json]:
    """All operators, whether their phones ring or they talk, and in which queue."""
    return [_teammate(operator, _busy(operator, book, owner_of)) for operator in directory.all()]


def _busy(operator: Operator, book: CallBook, owner_of: OwnerOf) -> tuple[Part, str] | None:
    """What the operator does, and in which queue; who talks, talks, whatever rings beside it."""
    busy = None
    for call in book.at(operator.phones):
        part = parts(call, owner_of).get(operator.id)
        if owner_of(call.caller_phone) == operator.id:
            part = Part.TALKING  # he calls somebody, and hears at least that it rings there
        if part is not None and (busy is None or busy[0] is not Part.TALKING):
            busy = (part, call.queue)
    return busy


def _teammate(operator: Operator, busy: tuple[Part, str] | None) -> Json:
    part, queue = busy or (None, "")
    return {
        "operator": operator.id,
        "name": operator.name,
        "state": _BUSY[part] if part else "idle",
        "ringing_queue": queue or None if part is Part.RINGING else None,
    }
