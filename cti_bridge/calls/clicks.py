"""Operators' phones that are called through a Local channel for a call to come: who has clicked on a number. No I/O.

The inner half of the Local channel calls the phone, and when somebody has answered there the outer half calls the
customer. Until then there is no call to which the phone could belong.
"""

from cti_bridge.calls.leg import Leg
from cti_bridge.domain.ids import ChannelId

MAX_PHONES = 1_000
"""Phones that are remembered; beyond, the one called first is forgotten, for most likely its end was missed."""


class Clicks:
    """The phones by the name of the half that calls them; each as the leg that it is in the call to come."""

    def __init__(self, *, limit: int = MAX_PHONES) -> None:
        self._limit = limit
        self._half: dict[ChannelId, str] = {}
        self._phones: dict[str, dict[ChannelId, Leg]] = {}

    def __len__(self) -> int:
        return len(self._half)

    def rings(self, half: str, phone: Leg) -> None:
        """The inner half of this name calls a phone."""
        self.ends(phone.id)
        self._half[phone.id] = half
        self._phones.setdefault(half, {})[phone.id] = phone
        if len(self._half) > self._limit:
            self.ends(next(iter(self._half)))

    def answers(self, phone: ChannelId) -> None:
        """Somebody answered this phone, so it is none of the others that the same half calls."""
        half = self._half.get(phone)
        for other in [each for each in self._phones.get(half, ()) if each != phone] if half is not None else ():
            self.ends(other)

    def ends(self, phone: ChannelId) -> None:
        """The channel of a phone is gone."""
        half = self._half.pop(phone, None)
        if half is None:
            return
        phones = self._phones[half]
        del phones[phone]
        if not phones:
            del self._phones[half]

    def keep(self, channels: set[ChannelId]) -> None:
        """These channels are all there are."""
        for phone in [each for each in self._half if each not in channels]:
            self.ends(phone)

    def dialler(self, half: str) -> Leg | None:
        """The phone for whose call this half was made; None while it may be any of several."""
        phones = list(self._phones.get(half, {}).values())
        return phones[0] if len(phones) == 1 else None
