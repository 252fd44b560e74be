"""Numbers of one's own people and lines: whoever calls from one is no customer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import phonenumbers

from cti_bridge.domain.number import CallerNumber, NumberKind, parse_number

_MIN_RANGE = 6
"""Fewest digits before the `*`, country code included; fewer would be a whole city."""
_PUNCTUATION = str.maketrans("", "", " -()./")


@dataclass(frozen=True, slots=True)
class StaffNumbers:
    """Single numbers in E.164, and beginnings of numbers (`+7495000`) that stand for whole ranges."""

    numbers: frozenset[str] = frozenset()
    ranges: tuple[str, ...] = ()

    def has(self, number: CallerNumber) -> bool:
        """Whether this is one of them."""
        return number.e164 is not None and (
            number.e164 in self.numbers or bool(self.ranges and number.e164.startswith(self.ranges))
        )

    def seen(self, number: CallerNumber) -> CallerNumber:
        """The caller's number as it counts: one of the staff is internal, so no CRM is asked about it."""
        if number.e164 is None or not self.has(number):
            return number
        return CallerNumber(NumberKind.INTERNAL, number.e164)


def staff_numbers(texts: Iterable[str], *, region: str) -> StaffNumbers:
    """The numbers of the settings, national ones read as in `region`; `+7 (495) 000*` is a range.

    Raises ValueError, whose text names the one that cannot be read.
    """
    numbers, ranges = set(), []
    for text in texts:
        if text.endswith("*"):
            ranges.append(_range(text, region))
            continue
        number = parse_number(text, region=region)
        if number.kind is NumberKind.INTERNAL:
            raise ValueError(f"{text} is internal anyway")
        if number.e164 is None:
            raise ValueError(f"{text} is no telephone number of {region} or, with +, of the world")
        numbers.add(number.e164)
    return StaffNumbers(frozenset(numbers), tuple(ranges))


def _range(text: str, region: str) -> str:
    compact = text.removesuffix("*").translate(_PUNCTUATION)
    national = phonenumbers.ndd_prefix_for_region(region, True)
    if not compact.startswith("+") and national and compact.startswith(national):
        compact = f"+{phonenumbers.country_code_for_region(region)}{compact.removeprefix(national)}"
    if not re.fullmatch(r"\+[1-9][0-9]*", compact):
        raise ValueError(f"{text} is no beginning of a number such as +7495000*")
    if len(compact) - 1 < _MIN_RANGE:
        raise ValueError(f"{text} is too short: a range has at least {_MIN_RANGE} digits before the *")
    return compact
