"""Questions in vtiger's own query language, and the one place where text from outside gets into them. Pure.

The language knows no joins and no parentheses, and gives a hundred rows at most. Its lexer wants a text in single
quotes, with quotes inside it doubled and at least one character; what stands between them reaches MySQL unchanged, and
there a backslash begins an escape. So both have to be escaped, or a caller's name would become a part of the question.
"""

from collections.abc import Iterable, Sequence

MOST_ROWS = 100
"""vtiger gives no more at a time, whatever it is asked for."""


def literal(text: str) -> str:
    """The text as a value of a question. Raises ValueError for an empty one, which the language cannot write."""
    if not text:
        raise ValueError("the language has no empty text")
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def in_this_order(digits: str) -> str:
    """A pattern for `LIKE`: these digits one after the other, whatever was typed between, before and behind them.

    vtiger keeps a number as somebody typed it (`8 (495) 000-01-50`), so the bare digits would miss most. Who matches
    has to be looked at again. Raises ValueError for anything but digits: `%` and `_` would mean something else here.
    """
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError("not digits only")
    return literal("%" + "%".join(digits) + "%")


def one_of(field: str, values: Iterable[str]) -> str:
    """The condition that a field has one of these values."""
    return f"{field} IN ({','.join(literal(value) for value in values)})"


def select(
    module: str, any_of: Sequence[str] = (), *, newest_by: str = "", skipping: int = 0, most: int = MOST_ROWS
) -> str:
    """All fields of the records for which any of the conditions holds; `newest_by` is the field to sort by."""
    where = f" WHERE {' OR '.join(any_of)}" if any_of else ""
    order = f" ORDER BY {newest_by} DESC" if newest_by else ""
    limit = f"{skipping}, {most}" if skipping else str(most)
    return f"SELECT * FROM {module}{where}{order} LIMIT {limit};"  # noqa: S608 - every text in it is a `literal`
