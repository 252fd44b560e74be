"""What `explain` lays out in columns, as plain words."""

from collections.abc import Iterable


def in_words(lines: Iterable[str]) -> list[str]:
    """The lines with single spaces between their words; line breaks that a caller sent stay where they are."""
    return [" ".join(word for word in line.split(" ") if word) for line in lines]
