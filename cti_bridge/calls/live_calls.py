"""The calls of one PBX that have not ended: found by id, by the channel of a caller or leg, by interface. No I/O."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeVar

from cti_bridge.calls.call import Call, CallState
from cti_bridge.calls.whereabouts import Whereabouts
from cti_bridge.domain.ids import CallId, ChannelId

K = TypeVar("K")
V = TypeVar("V")

MAX_REMEMBERED = 20_000
"""Channels that are known to be gone, and calls to be over, so that a late event does not bring them back."""


class LiveCalls:
    """Calls by everything that an event can name them by; and the channels that are gone."""

    def __init__(self) -> None:
        self.where = Whereabouts()
        """Which channel belongs to which call."""
        self._calls: OrderedDict[CallId, Call] = OrderedDict()
        self._closing: dict[CallId, Call] = {}
        """Calls that have ended and of which a recording is not complete yet."""
        self._hung_up: OrderedDict[ChannelId, float] = OrderedDict()
        self._over: OrderedDict[CallId, None] = OrderedDict()
        self._had_a_call: OrderedDict[ChannelId, None] = OrderedDict()
        self._had_a_part: OrderedDict[ChannelId, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._calls)

    def all(self) -> tuple[Call, ...]:
        """Every call, the one that has been going on for longest first."""
        return tuple(self._calls.values())

    def oldest(self) -> Call:
        """The call that has been going on for longest; there has to be one."""
        return next(iter(self._calls.values()))

    def get(self, call_id: CallId | None) -> Call | None:
        """The call with this id."""
        return self._calls.get(call_id) if call_id is not None else None

    def known(self, call_id: CallId | None) -> Call | None:
        """The same, also when it has ended but is not closed."""
        return self.get(call_id) or (self._closing.get(call_id) if call_id is not None else None)

    def of_caller(self, channel: ChannelId) -> Call | None:
        """The call of the caller on this channel."""
        return self.get(self.where.of_caller.get(channel))

    def of_leg(self, channel: ChannelId) -> Call | None:
        """The call that has this channel as a leg."""
        return self.get(self.where.of_leg.get(channel))

    def at(self, interfaces: Iterable[str]) -> tuple[Call, ...]:
        """The calls that ring, talk or are made at one of these interfaces, at each of them the longest first."""
        return tuple(self._calls[call_id] for call_id in self.where.at(interfaces))

    def keep(self, call: Call) -> None:
        """Note how a call stands now; one that has ended is found by nothing but its id, and let go of when closed."""
        if call.ended_at is not None:
            if call.id not in self._closing:
                self.where.forget(self._calls.pop(call.id, None), call)
                _remember(self._over, call.id, None)
                for leg in call.legs:
                    self.had_its_part(leg.id)
            _remember(self._had_a_call, call.channel, None)
            if call.state is CallState.CLOSED:
                self._closing.pop(call.id, None)
            else:
                self._closing[call.id] = call
        else:
            self.where.note(self._calls.get(call.id), call)
            self._calls[call.id] = call

    def hung_up_at(self, channel: ChannelId) -> float | None:
        """When this channel ended; None while it has not."""
        return self._hung_up.get(channel)

    def is_gone(self, channel: str) -> bool:
        """Whether this channel is known to have ended."""
        return channel in self._hung_up

    def hangs_up(self, channel: ChannelId, at: float) -> None:
        """Note that a channel has ended, so that nothing brings it back."""
        _remember(self._hung_up, channel, at)

    def is_over(self, call_id: CallId) -> bool:
        """Whether a call with this id is known to have ended."""
        return call_id in self._over

    def had_a_call(self, channel: ChannelId) -> bool:
        """Whether this channel is known to have been the caller's in a call that has ended."""
        return channel in self._had_a_call

    def had_its_part(self, channel: ChannelId) -> None:
        """Note that a channel was a leg of a call that has ended."""
        _remember(self._had_a_part, channel, None)

    def had_a_part(self, channel: ChannelId) -> bool:
        """Whether this channel is known to have been a leg of a call that has ended; it is not called once more."""
        return channel in self._had_a_part


def _remember(known: OrderedDict[K, V], key: K, value: V) -> None:
    known[key] = value
    while len(known) > MAX_REMEMBERED:
        known.popitem(last=False)
