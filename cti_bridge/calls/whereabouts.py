"""Which live call a channel belongs to, as caller or as leg, and which calls ring or talk at an interface. Pure."""

from collections.abc import Iterable

from cti_bridge.calls.call import Call
from cti_bridge.calls.events import Stop
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.domain.ids import CallId, ChannelId


class Whereabouts:
    """The index of a book of calls: kept in step with each call's legs, empty when there are no calls."""

    def __init__(self) -> None:
        self.of_caller: dict[ChannelId, CallId] = {}
        self.of_leg: dict[ChannelId, CallId] = {}
        self.leg_named: dict[str, ChannelId] = {}
        """The leg with this channel name, as long as it is there."""
        self.stopped: dict[ChannelId, CallId] = {}
        """Legs that are over and of which more may be said: how the channel of one that nobody answered ends says why,
        and that an answered one handed the caller over may be told after it ended."""
        self._at: dict[str, dict[CallId, None]] = {}

    def at(self, interfaces: Iterable[str]) -> list[CallId]:
        """The calls that ring or talk at one of these interfaces, at each of them the longest first."""
        return list(dict.fromkeys(call for interface in interfaces for call in self._at.get(interface, ())))

    def note(self, before: Call | None, after: Call) -> None:
        """A call goes on; `before` is what was noted of it last."""
        if before is not None and before.channel != after.channel:
            self.of_caller.pop(before.channel, None)
        self.of_caller[after.channel] = after.id
        for leg in after.legs:
            if leg.state is not LegState.GONE:
                self.of_leg[leg.id] = after.id
                self.leg_named[leg.name] = leg.id
            else:
                self._let_go(leg, after.id)
        self._let_go_of_forgotten(before, after)
        self._move(after.id, _interfaces(before), _interfaces(after))

    def forget(self, before: Call | None, after: Call) -> None:
        """A call is over; `before` is what was noted of it last."""
        self.of_caller.pop(after.channel, None)
        for leg in after.legs:
            self._let_go(leg, after.id)
            self.stopped.pop(leg.id, None)
        self._let_go_of_forgotten(before, after)
        self._move(after.id, _interfaces(before), set())

    def _let_go_of_forgotten(self, before: Call | None, after: Call) -> None:
        """A call with very many legs forgets some in the moment in which they are over."""
        if before is not None and before.legs != after.legs:
            kept = {leg.id for leg in after.legs}
            for leg in before.legs:
                if leg.id not in kept:
                    self._let_go(leg, after.id)
                    self.stopped.pop(leg.id, None)

    def _let_go(self, leg: Leg, call: CallId) -> None:
        """A leg is gone from this call; it may be another one's by now."""
        if self.of_leg.get(leg.id) == call:
            del self.of_leg[leg.id]
            self.leg_named.pop(leg.name, None)
            if leg.why in (Stop.NO_ANSWER, Stop.ENDED):
                self.stopped[leg.id] = call

    def _move(self, call: CallId, was: set[str], now: set[str]) -> None:
        for interface in now - was:
            self._at.setdefault(interface, {})[call] = None
        for interface in was - now:
            calls = self._at[interface]
            del calls[call]
            if not calls:
                del self._at[interface]


def _interfaces(call: Call | None) -> set[str]:
    """Where this call rings or talks."""
    if call is None:
        return set()
    called = {leg.interface for leg in call.legs if leg.state is not LegState.GONE}
    return called | {call.caller_phone} if call.caller_phone else called
