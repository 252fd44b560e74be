"""How else a number may have been typed into a CRM that compares texts: with the plus, without, as people dial it."""

import phonenumbers

from cti_bridge.domain.number import CallerNumber

_SHORTEST = 4
"""Digits; what is shorter is nobody's telephone number."""
_LONGEST = 20


def spellings(number: CallerNumber, *, region: str) -> tuple[str, ...]:
    """The ways of writing this number in digits, the likeliest first; empty for what is not to be searched for.

    A number of `region` also comes as it is dialled there, with the national prefix and without: `+74950000149`,
    `74950000149`, `84950000149`, `4950000149`. Whoever is found by one of them is still to be checked: the last ones
    mean somebody else in another country.
    """
    if number.e164 is None:
        key = number.key or ""
        return (key,) if key.isdecimal() and _SHORTEST <= len(key) <= _LONGEST else ()
    parsed = phonenumbers.parse(number.e164)
    forms = [number.e164, number.e164.removeprefix("+")]
    if parsed.country_code == phonenumbers.country_code_for_region(region):
        national = phonenumbers.national_significant_number(parsed)
        prefix = phonenumbers.ndd_prefix_for_region(region, True) or ""
        forms += [prefix + national, national]
    return tuple(dict.fromkeys(forms))
