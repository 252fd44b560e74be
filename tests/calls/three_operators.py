"""A caller, three operators and a Local channel, as the book of calls hears of them."""

from itertools import count

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerQueued,
    CallEvent,
    ChannelBridged,
    ChannelHeld,
    ChannelHungUp,
    ChannelUnbridged,
    LegAnswered,
    LegRinging,
)
from cti_bridge.calls.leg import Leg
from cti_bridge.calls.pops import Part, PopChange, changes, parts
from cti_bridge.domain.ids import ChannelId, OperatorId

OLGA, TIMUR, ZOYA = OperatorId("olga"), OperatorId("timur"), OperatorId("zoya")
OWNERS = {"PJSIP/101": OLGA, "PJSIP/102": TIMUR, "PJSIP/103": ZOYA}
T, A, B, C = ChannelId("1.1"), ChannelId("1.2"), ChannelId("1.5"), ChannelId("1.6")
L1, L2 = ChannelId("1.3"), ChannelId("1.4")
NAMES = {
    T: "PJSIP/trunk-00000001",
    A: "PJSIP/101-00000002",
    L1: "Local/102@phones-00000001;1",
    L2: "Local/102@phones-00000001;2",
    B: "PJSIP/102-00000003",
    C: "PJSIP/103-00000004",
}
FIRST, SECOND, THIRD = "bridge-1", "bridge-2", "bridge-3"


class Line:
    """A book that hears of these channels, a second between any two events."""

    def __init__(self) -> None:
        self.book = CallBook("main", is_operator_phone=OWNERS.__contains__)
        self.told: list[PopChange] = []
        self.last: Call | None = None
        self._at = count(100)

    def hears(self, *events: CallEvent) -> list[PopChange]:
        told: list[PopChange] = []
        for event in events:
            for change in self.book.apply(event):
                self.last = change.after
                told += changes(change.before, change.after, OWNERS.get)
        self.told += told
        return told

    @property
    def at(self) -> float:
        return float(next(self._at))

    @property
    def call(self) -> Call:
        assert self.last is not None
        return self.last

    @property
    def parts(self) -> dict[OperatorId, Part]:
        return parts(self.call, OWNERS.get)

    def leg(self, channel: ChannelId) -> Leg:
        leg = self.call.leg(channel)
        assert leg is not None
        return leg

    def rings(self, leg: ChannelId, caller: ChannelId, queue: str = "") -> LegRinging:
        name = NAMES[leg]
        interface = name.rpartition("-")[0]
        caller_interface = NAMES[caller].rpartition("-")[0]
        return LegRinging(
            self.at, leg, name, interface, caller, NAMES[caller], T, queue, caller_interface=caller_interface
        )

    def answers(self, leg: ChannelId, caller: ChannelId) -> LegAnswered:
        return LegAnswered(self.at, leg, NAMES[leg], NAMES[leg].rpartition("-")[0], caller)

    def enters(self, channel: ChannelId, bridge: str) -> ChannelBridged:
        return ChannelBridged(self.at, channel, NAMES[channel], NAMES[channel].rpartition("-")[0], bridge)

    def leaves(self, channel: ChannelId, bridge: str) -> ChannelUnbridged:
        return ChannelUnbridged(self.at, channel, bridge)

    def hangs_up(self, channel: ChannelId) -> ChannelHungUp:
        return ChannelHungUp(self.at, channel)

    def talks(self) -> None:
        """The caller, who waited in `sales`, talks with olga."""
        self.hears(
            CallerQueued(self.at, T, T, "sales"),
            self.rings(A, T, "sales"),
            self.answers(A, T),
            self.enters(A, FIRST),
            self.enters(T, FIRST),
        )

    def consults(self) -> None:
        """The operator has dialled the code and his colleague; the colleague's phone rings."""
        self.hears(
            ChannelHeld(self.at, A, on=True),
            self.leaves(A, FIRST),
            self.enters(A, SECOND),
            self.enters(L1, SECOND),
            self.rings(B, L2),
        )

    def asks(self) -> None:
        """The colleague has answered."""
        self.consults()
        self.hears(self.answers(B, L2), self.enters(B, THIRD), self.enters(L2, THIRD))
