"""P2, after every step: who sees a card of which call, held against who really has a part in it."""

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.switchboard import Switchboard
from simulation.asterisk import Asterisk, Message
from simulation.clock import Clock
from simulation.house import DIRECTORY
from simulation.truth import CONSULTING, RINGING, TALKING, CallTruth
from simulation.violation import Trail

Pair = tuple[str, str]
"""Operator and call."""

_RANK = {"": 0, RINGING: 1, CONSULTING: 2, TALKING: 3}
_LOOK_AT_ALL_EVERY = 100
"""Steps between two looks at every live call."""


class Watch:
    """Every screen, and since when each differs from the truth. `in_flight_s` is how long events may need."""

    def __init__(self, clock: Clock, pbx: Asterisk, trail: Trail, *, in_flight_s: float) -> None:
        self._clock = clock
        self._pbx = pbx
        self._trail = trail
        self._in_flight_s = in_flight_s
        self._screens: dict[Pair, str] = {}
        self._differs_since: dict[Pair, float] = {}
        self._part_changed_at: dict[Pair, float] = {}
        """When the operator's part began, changed or ended last; it is there since it was there first."""
        self._calls: dict[str, CallTruth] = {}
        self._whole = True
        """Nothing of what matters now was lost."""
        self._whole_since = 0.0
        pbx.listeners.part_changed = self._part_changed

    # What happens ----------------------------------------------------------------------------------------------------

    def heard(self, message: Message) -> None:
        """One event reaches the bridge."""
        self._trail.heard(message)

    def begins(self, call: CallTruth) -> None:
        """A caller arrives; his channel is the id of his call."""
        self._calls[call.channel] = call

    def _part_changed(self, interface: str, call: CallTruth) -> None:
        owner = DIRECTORY.owner_of(interface)
        if owner is not None:
            pair = (owner.id, call.channel)
            self._part_changed_at[pair] = self._clock.now
            self._compare(pair)

    def published(self, operator: OperatorId, type_: str, call: Json) -> None:
        """An operator's screen is told something; what it says may be for nobody else's eyes."""
        pair, role = (str(operator), str(call["id"])), str(call["my_role"])
        if self._is_among_colleagues(pair[1]):
            return
        if pair not in self._part_changed_at:
            self._trail.broken(f"P2: {type_} for {operator}, who never had a part", pair[1], role)
        if type_ in {"call.withdrawn", "call.ended"}:
            if self._screens.pop(pair, None) is None:
                self._trail.broken(f"P2: {type_} for {operator}, whose screen is empty", pair[1])
        else:
            late = self._clock.now - self._part_changed_at[pair]
            if not self._part(pair) and self._is_told_all(pair) and late > self._in_flight_s:
                self._trail.broken(f"P2: {type_} for {operator}, who has no part any more", pair[1], f"{late:.3f} s")
            if role == "none":
                self._trail.broken(f"P2: {type_} shows {operator} a call that is not his", pair[1])
            self._screens[pair] = role
        self._compare(pair)

    def excuse(self) -> None:
        """Something got lost; until it is healed a screen may be wrong."""
        self._whole = False

    def healed(self) -> None:
        """There was a snapshot."""
        self._whole = True
        self._whole_since = self._clock.now

    def screens_are_dark(self) -> None:
        """The pages have lost their line to the bridge; what they get next is all there is."""
        for pair in list(self._screens):
            del self._screens[pair]
            self._compare(pair)

    # What is checked -------------------------------------------------------------------------------------------------

    def _part(self, pair: Pair) -> str:
        """The operator's part in the call, by the truth."""
        parts = [
            channel.part
            for channel in self._pbx.channels.values()
            if channel.part and channel.serves is not None and channel.serves.channel == pair[1]
            and self._owner(channel.interface) == pair[0]
        ]  # fmt: skip
        return max(parts, key=_RANK.__getitem__, default="")

    @staticmethod
    def _owner(interface: str) -> str:
        owner = DIRECTORY.owner_of(interface)
        return owner.id if owner is not None else ""

    def _is_among_colleagues(self, call_id: str) -> bool:
        """Whether two colleagues talk, as far as the bridge can know: about a call that is over."""
        call = self._pbx.asides.get(call_id)
        return call is not None and call.ended_at is not None

    def _is_told_all(self, pair: Pair) -> bool:
        call = self._calls.get(pair[1])
        return call is not None and not call.blurred

    def _compare(self, pair: Pair) -> None:
        shown, true = self._screens.get(pair, ""), self._part(pair)
        if shown == true or (shown and true and not self._is_told_all(pair)):
            self._differs_since.pop(pair, None)
        else:
            self._differs_since.setdefault(pair, self._clock.now)

    def step(self, switchboard: Switchboard) -> None:
        """One event was taken in."""
        self._trail.steps += 1
        if self._trail.steps % _LOOK_AT_ALL_EVERY == 0:
            self._look_at_all(switchboard)
        if not self._differs_since or not self._whole:
            return
        now = self._clock.now
        for pair, since in self._differs_since.items():
            settled_at = max(since, self._part_changed_at.get(pair, since), self._whole_since)
            if now - settled_at > self._in_flight_s:
                shown, true = self._screens.get(pair, ""), self._part(pair)
                if self._no_snapshot_tells(pair, shown, true, switchboard):
                    continue
                self._trail.broken(
                    f"P2: {pair[0]} sees {shown or 'nothing'}, and the truth is {true or 'nothing'}", pair[1],
                    f"for {now - settled_at:.3f} s", *self._story(pair[1]),
                )  # fmt: skip

    def _no_snapshot_tells(self, pair: Pair, shown: str, true: str, switchboard: Switchboard) -> bool:
        """What a list of channels does not say of what nobody saw: which part of two it is; and that an operator who is
        in another bridge talked with the caller before.
        """
        call = self._calls.get(pair[1])
        if call is None or not call.blurred:
            return False
        return bool(shown and true) or (true == TALKING and call.set_aside)

    def _story(self, call_id: str) -> list[object]:
        call = self._calls.get(call_id)
        return [call] if call is not None else []

    def _look_at_all(self, switchboard: Switchboard) -> None:
        """Every call that the book takes to be live has not been over for long."""
        if not self._whole:
            return
        now = self._clock.now
        for live in switchboard.book.live():
            call = self._calls.get(live.id)
            if self._is_among_colleagues(live.id):
                continue
            if call is None:
                self._trail.broken("P2: a call that is none", live.id, live)
            if call.blurred and not live.legs:
                continue  # decided after he was gone, which nobody heard: the next check of all live calls ends it
            over_at = max(call.ended_at or now, self._whole_since)
            if now - over_at > self._in_flight_s:
                self._trail.broken("P4: the call is over, and the book has it still", live.id, call)

    def quiet(self) -> None:
        """Nobody calls any more: no screen shows anything."""
        for (operator, call_id), role in self._screens.items():
            self._trail.broken(f"P2: {operator} still sees {role} when all is over", call_id, *self._story(call_id))
