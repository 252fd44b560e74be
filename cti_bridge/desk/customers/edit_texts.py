"""What an operator types on the card, checked before anything is kept: lengths, letters, e-mail addresses. Pure."""

import re
import unicodedata
from collections.abc import Mapping

LONGEST = {"name": 200, "email": 254, "city": 100, "segment": 100, "preferred_channel": 50, "title": 200, "text": 4_000}
"""Characters that a text may have."""
_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[^\s@<>()\[\]\\,;:\".]+(\.[^\s@<>()\[\]\\,;:\".]+)+")
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of writing: a text with them is not what it seems."""

_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that are as good as a blank."""
_SEEN = frozenset("LNPS")
"""The categories of what can be seen: letters, figures, punctuation, signs."""


class Unwritable(ValueError):
    """A text cannot be kept; the message says which, and why, without what is in it."""


def checked(name: str, text: str) -> str:
    """A text as it is kept: without blanks around it. Raises Unwritable. Only a note has several lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    kept = lines if name == "text" else lines.replace("\t", " ")
    for letter in kept:
        allowed = letter in "\n\t" and name == "text"
        if is_unseen(letter) and not allowed:
            raise Unwritable(f"{name} has characters that nobody can see")
    if len(kept) > LONGEST[name]:
        raise Unwritable(f"{name} is longer than {LONGEST[name]} characters")
    if name in ("name", "title", "text") and not says_something(kept):
        raise Unwritable(f"{name} is empty")
    if name == "email" and kept and not _EMAIL.fullmatch(kept):
        raise Unwritable("email is no e-mail address")
    return kept


def says_something(text: str) -> bool:
    """Whether there is anything in a text that can be seen."""
    return any(unicodedata.category(letter)[0] in _SEEN and letter not in _BLANK for letter in text)


def is_unseen(letter: str) -> bool:
    """Whether nobody can see this character, or it makes others seem what they are not."""
    return letter in _TURNING or unicodedata.category(letter) in _CONTROLS


def all_checked(texts: Mapping[str, str | None]) -> dict[str, str]:
    """Those that are there, by name. Raises Unwritable."""
    return {name: checked(name, text) for name, text in texts.items() if text is not None}
