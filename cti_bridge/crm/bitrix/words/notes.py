"""Bitrix24's words for notes: comments in somebody's timeline. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cti_bridge.crm.bitrix.words.plain import Command, Kind, entries
from cti_bridge.crm.received import lines_of, text_of, time_of
from cti_bridge.domain.customer import Note

_SIGNED = "\n— "
_LONGEST_AUTHOR = 80
_LONGEST_TEXT = 3_900
"""With its signature a note is no longer than what is read of one."""


def notes_on(owner: tuple[Kind, int]) -> Command:
    """Ask for the latest comments in somebody's timeline."""
    return Command(
        "crm.timeline.comment.list",
        {
            "filter": {"ENTITY_ID": owner[1], "ENTITY_TYPE": owner[0].value},
            "select": ["ID", "CREATED", "COMMENT"],
            "order": {"ID": "DESC"},
        },
    )


def notes(answer: Any) -> Iterator[Note]:
    """The comments, newest first; what we wrote is signed, of others Bitrix24 tells only a number."""
    for entry in entries(answer):
        at = time_of(entry.get("CREATED")) if isinstance(entry, dict) else None
        if at is not None:
            yield _note(at, lines_of(entry.get("COMMENT")))


def _note(at: datetime, comment: str) -> Note:
    said, _, author = comment.rpartition(_SIGNED)
    signed = bool(said) and "\n" not in author and len(author) <= _LONGEST_AUTHOR
    return Note(at, author, said) if signed else Note(at, "", comment)


def texts(answer: Any) -> list[str]:
    """The comments as they stand there."""
    return [lines_of(entry.get("COMMENT")) for entry in entries(answer) if isinstance(entry, dict)]


def note_text(note: Note) -> str:
    """What is written down: the text, and below it who said so, because Bitrix24 takes us for the author."""
    signature = f"{_SIGNED}{text_of(note.author, _LONGEST_AUTHOR)}" if note.author else ""
    return lines_of(note.text, _LONGEST_TEXT) + signature


def add_note(owner: tuple[Kind, int], comment: str) -> Command:
    """Put a comment into somebody's timeline."""
    return Command(
        "crm.timeline.comment.add",
        {"fields": {"ENTITY_ID": owner[1], "ENTITY_TYPE": owner[0].value, "COMMENT": comment}},
    )
