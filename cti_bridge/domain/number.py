"""Telephone numbers of callers: what kind they are and how they are written down for comparing.

The text of a caller number is chosen by whoever calls. Nothing here raises on any text, and the work is bounded
because a text is cut before anything else looks at it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

import phonenumbers

from cti_bridge.domain.plain_number import everyday_display, everyday_e164

_MAX_TEXT = 128
"""Longest caller number that is looked at, in characters; a SIP user part with parameters stays well below."""

_ANONYMOUS_WORDS = frozenset(
    {"anonymous", "unknown", "unavailable", "restricted", "private", "withheld", "<unknown>", "asterisk", "s"}
)
ANONYMOUS = "anonymous"
"""How every hidden number is written, whatever word the network used for it."""

_NAME_AND_ADDRESS = re.compile(r"<([^<>]+)>$")
_SIP_SCHEME = re.compile(r"sips?:", re.IGNORECASE)
_PUNCTUATION = str.maketrans("", "", " -().~/\u2010\u2011\u2012\u2013\u2014\u2212")


class NumberKind(StrEnum):
    """What a caller number turned out to be."""

    EXTERNAL = "external"
    INTERNAL = "internal"
    ANONYMOUS = "anonymous"
    UNPARSED = "unparsed"


@dataclass(frozen=True, slots=True)
class CallerNumber:
    """A caller's number; `e164` only for EXTERNAL, `extension` is what followed it (`доб. 12`), else empty.

    `raw` is the text as it came, without what cannot be printed and without the rest of a SIP address;
    `anonymous` for every hidden number.
    """

    kind: NumberKind
    raw: str
    e164: str | None = None
    extension: str = ""

    @property
    def key(self) -> str | None:
        """What a CRM is searched by: E.164, the bare digits when it could not be parsed, None when not to be asked.

        An unparsed text without any digit (a SIP user `ivanov`) is its own key.
        """
        if self.kind is NumberKind.EXTERNAL:
            return self.e164
        if self.kind is NumberKind.UNPARSED:
            return _digits(self.raw) or self.raw
        return None


def parse_number(
    text: str, *, region: str, presentation_allowed: bool = True, internal_max_length: int = 5
) -> CallerNumber:
    """What the caller number `text` is, national numbers read as in `region` (ISO 3166, such as `RU`).

    `internal_max_length`: so many digits at most, and nothing else, are an internal number. A number that is valid as
    it stands is never repaired; a wrong region gives a wrong number without a word, so it has to be configured.
    Never raises.
    """
    cleaned = _clean(text)
    if not presentation_allowed or not cleaned or cleaned.lower() in _ANONYMOUS_WORDS:
        return CallerNumber(NumberKind.ANONYMOUS, ANONYMOUS)
    cleaned = _user_part(cleaned)
    if not cleaned or cleaned.lower() in _ANONYMOUS_WORDS:
        return CallerNumber(NumberKind.ANONYMOUS, ANONYMOUS)
    if cleaned.isdecimal() and len(cleaned) <= internal_max_length:
        return CallerNumber(NumberKind.INTERNAL, cleaned)
    everyday = everyday_e164(cleaned, region)
    if everyday is not None:
        return CallerNumber(NumberKind.EXTERNAL, cleaned, everyday)
    for attempt in _attempts(cleaned, region):
        number = _valid(attempt, region)
        if number is not None:
            return CallerNumber(NumberKind.EXTERNAL, cleaned, _e164(number), number.extension or "")
    return CallerNumber(NumberKind.UNPARSED, cleaned)


def display_number(e164_or_raw: str | None) -> str:
    """The number as people read it, `+7 495 000-01-50`; other text as it is, nothing for None and hidden numbers."""
    if not e164_or_raw:
        return ""
    cleaned = _clean(e164_or_raw)
    if cleaned.lower() in _ANONYMOUS_WORDS:
        return ""
    everyday = everyday_display(cleaned)
    if everyday is not None:
        return everyday
    number = _valid(cleaned, None) if cleaned.startswith("+") else None
    if number is None:
        return cleaned
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def mask(text: str) -> str:
    """The number as a log may show it: `+7495***0149`.

    Only digits and one leading plus get through, and at least three digits are left out, except of an internal number
    (five digits or fewer, whole). A text without digits could be a name and becomes `***`.
    """
    cleaned = _clean(text)
    if not cleaned:
        return ""
    cleaned = _user_part(cleaned)
    if cleaned.lower() in _ANONYMOUS_WORDS:
        return ANONYMOUS
    digits = _digits(cleaned)
    if not digits:
        return "***"
    plus = "+" if cleaned.startswith("+") else ""
    if len(digits) <= 5:
        return plus + digits
    if len(digits) <= 7:
        return f"{plus}{digits[:1]}***{digits[-2:]}"
    return f"{plus}{digits[: min(4, len(digits) - 7)]}***{digits[-4:]}"


def _clean(text: str) -> str:
    """The first `_MAX_TEXT` characters, digits of any script as ASCII, without what cannot be printed."""
    text = text[:_MAX_TEXT]
    if text.isascii() and text.isprintable():
        return text.strip()
    return "".join(_plain(character) for character in text).strip()


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] == "Z":
        return " "
    if category[0] == "C":
        return ""
    return "+" if character == "\uff0b" else character


def _user_part(text: str) -> str:
    """The number inside `"name" <number>`, `sip:number;parameters@host` and `number@host`; other text as it is."""
    inner = _NAME_AND_ADDRESS.search(text)
    if inner:
        text = inner[1].strip()
    scheme = _SIP_SCHEME.match(text)
    if scheme:
        text = text[scheme.end() :]
    elif "@" not in text:
        return text
    user = text.partition("@")[0].partition(";")[0].partition(":")[0]
    return _clean(unquote(user, errors="replace"))


def _attempts(text: str, region: str) -> Iterator[str]:
    """The text itself, then the repairs of what trunks do to numbers; the first that is valid wins."""
    yield text
    compact = text.translate(_PUNCTUATION)
    digits = compact.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()):
        return
    if compact.startswith("+8"):
        # A trunk put the plus in front of the national prefix. Only where that prefix is 8: elsewhere it would
        # become some other number that happens to be valid.
        if len(digits) == 11 and phonenumbers.ndd_prefix_for_region(region, True) == "8":
            yield digits
    elif compact.startswith("00"):
        yield "+" + compact[2:]
    elif digits == compact and 11 <= len(digits) <= 15:
        yield "+" + digits


def _valid(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _digits(text: str) -> str:
    return "".join(character for character in text if character in "0123456789")
