"""What Asterisk said, without anybody's number or name: each is replaced by the same sample wherever it comes. Pure.

Only words that are known (`words`) get through. Queues, contexts, classes and rules keep their names; who is in the
CRM, accounts, addresses and secrets are left out.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from cti_bridge.asterisk.ami import translate
from cti_bridge.asterisk.recording import samples, words
from cti_bridge.asterisk.recording.samples import Samples
from cti_bridge.asterisk.recording.words import Holds
from cti_bridge.domain.number import CallerNumber, NumberKind, parse_number

Said = dict[str, object]
"""One message, ready for JSON."""

_NOBODY = frozenset(
    {"", "<unknown>", "unknown", "anonymous", "restricted", "unavailable", "private", "withheld", "asterisk"}
)
_WRITTEN = re.compile(r"[0-9+ ().~/-]+")
_DIGITS = re.compile(r"\+?[0-9]+")
_LIKE_A_NUMBER = re.compile(r"\+?[0-9](?:[ ().-]{0,2}[0-9]){6,}")
_STAMP = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?")
_CHANNEL = re.compile(r"([A-Za-z0-9]{1,20})/(.*?)(-[0-9a-f]{8}(?:;[12])?)?(<[A-Z]{1,10}>)?", re.DOTALL)
_INTERFACE = re.compile(r"([A-Za-z0-9]{1,20})/(.*)()()", re.DOTALL)
_TECHNOLOGIES = ("PJSIP", "SIP", "Local", "IAX2", "DAHDI", "Message", "Snoop", "Recorder", "Announcer", "UnicastRTP")
_OWN_ID = re.compile(r"(?:(.{1,64})-)?[12][0-9]{9}\.[0-9]{1,12}")
_BRIDGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SPECIAL_EXTENSIONS = frozenset("shiteao") | {"T"}
_LONGEST_WORD = 200

_parsed = lru_cache(maxsize=4096)(parse_number)


class Masker:
    """Replaces numbers and names of one recording; every method may raise NoSamplesLeft."""

    def __init__(self, *, pbx: str, system: str, region: str) -> None:
        """`pbx` is our name of it, `system` its own (`systemname`), `region` how its national numbers are read."""
        self._pbx = pbx
        self._systems = {name for name in (pbx, system) if name}
        self._region = region
        self._subscribers = Samples("numbers", samples.subscriber)
        self._extensions = Samples("extensions", samples.extension)
        self._unreadable = Samples("numbers that are none", samples.unreadable)
        self._people = Samples("names", samples.person)
        self._peers = Samples("trunks and phones", samples.peer)
        self._ids = Samples("chosen ids", samples.channel_id)
        self._operators = Samples("operators", samples.operator)
        self._ways: dict[Holds, Callable[[str], str]] = {
            Holds.NUMBER: self.number,
            Holds.NAME: self.name,
            Holds.CHANNEL: self.channel,
            Holds.INTERFACE: self.interface,
            Holds.CHANNELS: lambda text: "&".join(map(self.interface, text.split("&"))),
            Holds.EXTENSION: lambda text: text if text in _SPECIAL_EXTENSIONS else self.number(text),
            Holds.DIALLED: self._dialled,
            Holds.ID: self.id,
            Holds.CALL: self._call,
            Holds.PEER: self._peer,
            Holds.OPERATOR: self.operator,
            Holds.TARGET: self._target,
            Holds.STAMP: lambda text: text if _STAMP.fullmatch(text) else "",
            Holds.WORD: self._word,
        }

    # Messages -------------------------------------------------------------------------------------------------------

    def event(self, message: translate.Headers) -> Said:
        """An event of AMI or an entry of a list."""
        said: Said = {}
        if words.is_somebody_elses(translate.text(message, "Event"), translate.text(message, "UserEvent")):
            message = {name: translate.text(message, name) for name in message if words.of_any_user_event(name)}
        for header, value in message.items():
            holds = words.of_header(header)
            if holds is not None:
                texts = [self._header(holds, text) for text in ([value] if isinstance(value, str) else value)]
                said[header] = texts[0] if isinstance(value, str) else texts
        return said

    def environment(self, environment: Mapping[str, str]) -> Said:
        """The environment of a question by FastAGI."""
        return self._chosen(environment, words.of_environment)

    def stasis(self, channel: object, arguments: object) -> Said:
        """A channel in our Stasis application as ARI pictures it, and the arguments with which it entered."""
        picture = {
            "id": self.id(_text(channel, "id")),
            "name": self.channel(_text(channel, "name")),
            "caller": {
                "number": self.number(_text(_part(channel, "caller"), "number")),
                "name": self.name(_text(_part(channel, "caller"), "name")),
            },
            "language": self._word(_text(channel, "language")),
        }
        entered = [text if isinstance(text, str) else "" for text in _list(arguments)[:10]]
        args = [self._word(text) for text in entered[:1]]
        for number, text in enumerate(entered[1:], start=1):
            holds = words.of_argument(number)
            args.append(self._ways[holds](text) if holds is not None else "")
        return {"type": "StasisStart", "channel": picture, "args": args}

    def answer(self, variables: Mapping[str, str]) -> Said:
        """The variables that the dialplan was given, without those that say who the caller is."""
        return self._chosen(variables, words.of_variable)

    def phones(self, phones: Mapping[str, str]) -> dict[str, str]:
        """Whose phone each interface is."""
        return {self.interface(interface): self.operator(operator) for interface, operator in phones.items()}

    # Values ---------------------------------------------------------------------------------------------------------

    def number(self, text: str) -> str:
        """A number: subscribers keep the form in which theirs was written, as far as it can be kept."""
        if text.strip().lower() in _NOBODY:
            return text.strip()
        parsed = _parsed(text, region=self._region)
        match parsed.kind:
            case NumberKind.EXTERNAL:
                return self._subscriber(text.strip(), parsed)
            case NumberKind.INTERNAL:
                return self._extensions.of(parsed.raw)
            case NumberKind.UNPARSED if any(letter.isdecimal() for letter in parsed.raw):
                return self._unreadable.of(parsed.key or "")
            case NumberKind.UNPARSED:
                return self._peers.of(parsed.raw)
        return "anonymous"

    def name(self, text: str) -> str:
        """A person's name, or the number that came in its place."""
        if text.strip().lower() in _NOBODY:
            return text.strip()
        if _WRITTEN.fullmatch(text):
            return self.number(text)
        return self._people.of(" ".join(text.split()))

    def channel(self, text: str) -> str:
        """A channel: `PJSIP/101-0000002f`, `Local/101@agents-00000001;1`."""
        return self._with_middle(_CHANNEL.fullmatch(text), text)

    def interface(self, text: str) -> str:
        """An interface: `PJSIP/101`, `Local/101@agents/n`. All of it is its name, `-74950000149` at the end too."""
        return self._with_middle(_INTERFACE.fullmatch(text), text)

    def _with_middle(self, found: re.Match[str] | None, text: str) -> str:
        if found is None:
            return self._peers.of(text) if text else ""
        technology, middle, suffix, mark = found[1], found[2], found[3] or "", found[4] or ""
        if technology not in _TECHNOLOGIES:
            return f"Other/{self._peers.of(text)}"
        place, at, context = middle.partition("@")
        if technology == "Local":
            context, slash, options = context.partition("/")
            middle = self._peer(place) + at + self._word(context) + (f"/{self._word(options)}" if slash else "")
        else:
            middle = self._peer(middle)
        return f"{technology}/{middle}{suffix}{mark}"

    def id(self, text: str) -> str:
        """The id of a channel or bridge: Asterisk's own are kept, those that somebody chose are not."""
        own = _OWN_ID.fullmatch(text)
        if not text or _BRIDGE_ID.fullmatch(text) or (own and (own[1] is None or own[1] in self._systems)):
            return text
        return self._ids.of(text)

    def operator(self, text: str) -> str:
        """Who an operator signs in as."""
        return self._operators.of(text) if text else ""

    def _target(self, text: str) -> str:
        kind, _, name = text.partition("/")
        return f"{kind}/{self.operator(name)}" if kind == "operator" else self._word(text)

    def _subscriber(self, text: str, parsed: CallerNumber) -> str:
        """The sample as the original was written, `8 (…)` or `7…`; in E.164 where that would be another number."""
        e164 = parsed.e164 or ""
        sample = self._subscribers.of(e164)
        digits = [at for at, letter in enumerate(text) if letter.isdecimal()]
        national, stands_for = e164[-10:], sample[-10:]
        if _WRITTEN.fullmatch(text) and "".join(text[at] for at in digits).endswith(national):
            letters = list(text)
            for at, digit in zip(digits[-10:], stands_for, strict=True):
                letters[at] = digit
            if _parsed("".join(letters), region=self._region).e164 == sample:
                return "".join(letters)
        return sample

    def _peer(self, text: str) -> str:
        """A trunk or phone by its own name, or an extension."""
        if not text or text in _SPECIAL_EXTENSIONS:
            return text
        return self.number(text) if _DIGITS.fullmatch(text) else self._peers.of(text)

    def _dialled(self, text: str) -> str:
        """The number of a dial string without what stands around it; nothing where there is none."""
        found = translate.NUMBER_TO_DIAL.search(text)
        return self.number(found[1]) if found else ""

    def _call(self, text: str) -> str:
        prefix = f"{self._pbx}-"
        masked = self.id(text.removeprefix(prefix))
        return prefix + masked if text.startswith(prefix) else masked

    def _word(self, text: str) -> str:
        plain = "".join(letter if letter.isprintable() else " " for letter in text[:_LONGEST_WORD])
        return _LIKE_A_NUMBER.sub(lambda found: self.number(found[0]), plain)

    def _header(self, holds: Holds, text: str) -> str:
        """AMI escapes what people may choose; the samples need none of it."""
        if holds not in (Holds.NAME, Holds.NUMBER):
            return self._ways[holds](text)
        return self._ways[holds](translate.person(text)) if text not in _NOBODY else text

    def _chosen(self, values: Mapping[str, str], holds_of: Callable[[str], Holds | None]) -> Said:
        said: Said = {}
        for name, value in values.items():
            holds = holds_of(name)
            if holds is not None:
                said[name] = self._ways[holds](value)
        return said


def _part(whole: object, key: str) -> object:
    return whole.get(key) if isinstance(whole, Mapping) else None


def _text(whole: object, key: str) -> str:
    value = _part(whole, key)
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def phones_of(operators: Iterable[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Whose phone each interface is, given who has which."""
    return {phone: operator for operator, phones in operators for phone in phones}
