"""Which digits of a number vtiger is searched by. Pure."""

import phonenumbers

from cti_bridge.domain.number import CallerNumber

_FEWEST = 7
"""With fewer digits than this, a search by the end of a number finds strangers for the most part."""


def national(e164: str) -> str:
    """The digits of a number without its country; all of them where too few would be left to tell people apart."""
    digits = e164.removeprefix("+")
    try:
        significant = phonenumbers.national_significant_number(phonenumbers.parse(e164, None))
    except phonenumbers.NumberParseException:
        return digits
    return significant if len(significant) >= _FEWEST else digits


def searched_digits(number: CallerNumber) -> str:
    """The digits that every spelling of this number holds; empty for one that is only found as it stands."""
    if number.e164 is not None:
        return national(number.e164)
    key = number.key or ""
    return key if key.isascii() and key.isdecimal() and len(key) >= _FEWEST else ""
