"""Text from outside on its way to a terminal."""

import unicodedata


def printable(text: str) -> str:
    r"""The text so that a terminal only shows it: on one line, and what would steer the terminal as `\x1b`.

    Control characters, line breaks, escape sequences, marks that turn the direction of writing and bytes that are no
    text become visible; letters of every script stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] != "C" and category not in {"Zl", "Zp"}:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
