"""Russian telephone numbers in their everyday spellings, read without the whole machinery of the parser.

`+7 (495) 000-01-50`, `84950000150`, `4950000150` and the like make up nearly all numbers of a customer list and of
callers. They are judged by the same metadata as `phonenumbers` uses, so that both always say the same, only ten
times as fast. Numbers that need more thought (the plan shared with Kazakhstan, toll-free 800, the south with its
area codes in 8) are left to the parser. So they are written as people read them.
"""

import re
from functools import cache

from phonenumbers import PhoneMetadata

_REGION = "RU"
_EVERYDAY = re.compile(
    r"(\+7|[78])?[ -]?\(?((?:[49][0-9]|3[0-24-9])[0-9])\)?[ -]?([0-9]{3})[ -]?([0-9]{2})[ -]?([0-9]{2})"
)
_TYPES = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail",
)  # fmt: skip


def everyday_e164(text: str, region: str) -> str | None:
    """The number in E.164 where `text` is a valid one in an everyday spelling; None says nothing either way.

    Without `+` it has to be written as in Russia, and `region` has to be that.
    """
    found = _EVERYDAY.fullmatch(text)
    if found is None:
        return None
    prefix, *groups = found.groups()
    if prefix != "+7" and region != _REGION:
        return None
    national = "".join(groups)
    return f"+7{national}" if _valid().fullmatch(national) else None


def everyday_display(e164: str) -> str | None:
    """How people read this number in E.164, `+7 495 000-01-50`; None says nothing either way."""
    found = _EVERYDAY.fullmatch(e164)
    if found is None or found[1] != "+7" or not _valid().fullmatch("".join(found.groups()[1:])):
        return None
    return "+7 {} {}-{}-{}".format(*found.groups()[1:])


@cache
def _valid() -> re.Pattern[str]:
    """All national numbers of ten digits that the metadata knows a type for."""
    metadata = PhoneMetadata.metadata_for_region(_REGION)
    assert metadata is not None
    assert metadata.general_desc is not None
    types = [getattr(metadata, name) for name in _TYPES]
    patterns = [
        entry.national_number_pattern
        for entry in types
        if entry is not None and entry.national_number_pattern and 10 in (entry.possible_length or (10,))
    ]
    return re.compile(f"(?=(?:{metadata.general_desc.national_number_pattern})$)(?:{'|'.join(patterns)})")
