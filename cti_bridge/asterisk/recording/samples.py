"""Samples that stand for numbers, names and other texts of people in a recording. Pure.

They are given out in the order in which originals come, so a recording that is masked once more stays as it is. What
a sample is has nothing to do with its original but the kind: who was a subscriber stays one, an extension stays one.
"""

from collections.abc import Callable
from string import ascii_lowercase

MAX_SAMPLES = 10_000
"""Different originals of one kind in one recording."""
_LONGEST_ORIGINAL = 256
"""Characters by which originals are told apart, so that long ones take up no memory."""

_FIRST_NAMES = (
    *("Вера", "Юрий", "Галина", "Фёдор", "Лейла", "Эмиль", "Злата", "Прохор", "Инга", "Тимур"),
    *("Алла", "Глеб", "Нина", "Остап", "Рада", "Савва", "Ульяна", "Харитон", "Яна", "Эдита"),
)
_SURNAMES = (
    *("Ключ", "Бор", "Осокорь", "Ильм", "Вереск", "Ёлка", "Шиповник", "Ракита", "Клевер", "Рябь"),
    *("Тальник", "Хвощ", "Ягель", "Цикорий", "Донник", "Полынь", "Крушина", "Маквей", "Зюзник", "Чабрец"),
    *("Гравилат", "Лозняк", "Эфедра", "Пижма", "Сныть"),
)
_INITIALS = "АБВГДЕЖЗИКЛМНОПРСТУФ"


class NoSamplesLeft(Exception):
    """More different originals than there are samples; the text says of which kind, for a person."""


class Samples:
    """The samples of one kind: the same original always has the same one."""

    def __init__(self, kind: str, sample: Callable[[int], str]) -> None:
        """`kind` in the plural, for a person; `sample` gives the first for 0, the second for 1, and so on."""
        self._kind = kind
        self._sample = sample
        self._given: dict[str, str] = {}

    def of(self, original: str) -> str:
        """The sample that stands for this original. Raises NoSamplesLeft."""
        key = original[:_LONGEST_ORIGINAL]
        known = self._given.get(key)
        if known is None:
            if len(self._given) >= MAX_SAMPLES:
                raise NoSamplesLeft(f"more than {MAX_SAMPLES} different {self._kind}")
            known = self._given[key] = self._sample(len(self._given))
        return known


def subscriber(n: int) -> str:
    """A number of somebody outside, `+74950000000` and following; no subscriber's number there begins with 0."""
    return f"+7495000{n:04}"


def extension(n: int) -> str:
    """A number inside the house, 101 and following."""
    return str(101 + n)


def unreadable(n: int) -> str:
    """Digits that are no number of anybody in any country."""
    return f"{n:07}"


def person(n: int) -> str:
    """An invented name: first name and surname, with an initial between them when those have been used up."""
    row, first = divmod(n, len(_FIRST_NAMES))
    more, row = divmod(row, len(_SURNAMES))
    initial = f" {_INITIALS[more - 1]}." if more else ""
    return f"{_FIRST_NAMES[first]}{initial} {_SURNAMES[(first + row) % len(_SURNAMES)]}"


def peer(n: int) -> str:
    """A trunk or phone that is named by a word: `peer-a`, `peer-b` … without a digit, which would be a number."""
    return f"peer-{_letters(n)}"


def channel_id(n: int) -> str:
    """An id that somebody chose for a channel: `id-a`, `id-b` …"""
    return f"id-{_letters(n)}"


def operator(n: int) -> str:
    """An operator: `op1`, `op2` …"""
    return f"op{n + 1}"


def _letters(n: int) -> str:
    """A, b … z, aa, ab … for 0, 1 …"""
    more, last = divmod(n, len(ascii_lowercase))
    return (_letters(more - 1) if more else "") + ascii_lowercase[last]
