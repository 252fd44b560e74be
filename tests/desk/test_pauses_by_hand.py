"""What somebody else has paused stays so whatever comes by itself, and nothing else stays paused."""

import random

import pytest
from test_roster import (
    AFTER_A_CALL,
    BREAK,
    LAST,
    LEYLA,
    LOCAL,
    PAPERWORK,
    PHONE,
    READY,
    REASONS,
    Pbx,
)

from cti_bridge.desk.states.roster import Roster
from cti_bridge.domain.member import Member, MemberKey
from cti_bridge.operators.states import Treatment

KEYS = MemberKey("production", PHONE), MemberKey("sales", PHONE), MemberKey("desk", LOCAL)


class Hands:
    """Leyla's members, and which of them others have paused, or let be called though she is away."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.pbx = Pbx()
        for key in KEYS:
            self.pbx.add(*key)
        self.wanted: Treatment | None = None
        self.paused: set[MemberKey] = set()
        self.called: set[MemberKey] = set()

    def something_happens(self) -> None:
        """One thing, drawn by chance."""
        key = self._chance.choice(KEYS)
        match self._chance.randrange(9):
            case 0:
                self.wants(self._chance.choice([READY, BREAK, PAPERWORK]), asked=True)
            case 1 | 2:
                self.wants(self._chance.choice([READY, AFTER_A_CALL, BREAK]), asked=False)
            case 3:
                self._paused(key, self._chance.choice(["", "shop", "break", "wrap_up"]))
            case 4:
                self._let_be_called(key)
            case 5:
                self._lost(key, reason="")
            case 6:
                self._lost(key, paused=False, reason="")
            case 7:
                self._added_anew(key, paused=self._chance.random() < 0.3)
            case 8:
                self._bridge_is_restarted()
        if self.wanted is not None:
            self.pbx.looked()

    def wants(self, treatment: Treatment, *, asked: bool) -> None:
        if asked:
            self.paused.clear()
        elif self.wanted is None:
            self.paused |= {key for key in KEYS if self._member(key).paused}
        self.called.clear()
        self.wanted = treatment
        self.pbx.want(treatment, asked=asked)

    def _paused(self, key: MemberKey, reason: str) -> None:
        self.called.discard(key)
        if self.wanted is not None and (self.wanted.paused, self.wanted.reason) == (True, reason):
            self.paused.discard(key)  # as it is to be anyway
        else:
            self.paused.add(key)
        self.pbx.by_hand(*key, paused=True, reason=reason)

    def _let_be_called(self, key: MemberKey) -> None:
        self.paused.discard(key)
        if self.wanted is not None and self.wanted.paused:
            self.called.add(key)
        self.pbx.by_hand(*key, paused=False, reason="")

    def _lost(self, key: MemberKey, **values: bool | str) -> None:
        if key.interface == PHONE and self._member(key).paused:
            if "paused" in values:
                self.paused.discard(key)
            self.pbx.forgets(key.queue, **values)

    def _added_anew(self, key: MemberKey, *, paused: bool) -> None:
        self.paused.discard(key)
        self.called.discard(key)
        if paused:
            self.paused.add(key)
        self.pbx.remove(*key)
        self.pbx.add(*key, paused=paused)

    def _bridge_is_restarted(self) -> None:
        """What nobody saw counts as somebody else's only where its reason is none of ours."""
        if self.wanted is None:
            return
        self.pbx.roster = Roster(directory=lambda: self.pbx.directory, last_penalty=LAST, reasons=REASONS)
        self.pbx.roster.want(LEYLA, self.wanted)
        self.called.clear()
        self.paused = {key for key in KEYS if (one := self._member(key)).paused and one.reason not in {"", *REASONS}}

    def _member(self, key: MemberKey) -> Member:
        return self.pbx.members[key]

    def is_paused(self) -> dict[MemberKey, bool]:
        return {key: self._member(key).paused for key in KEYS}

    def should_be(self, wanted: Treatment) -> dict[MemberKey, bool]:
        return {key: key not in self.called if wanted.paused else key in self.paused for key in KEYS}


@pytest.mark.parametrize("seed", range(100))
def test_whatever_happens_he_is_called_where_he_is_to_be_and_nobody_else_has_paused_him(seed: int) -> None:
    hands = Hands(random.Random(seed))
    for _ in range(60):
        hands.pbx.now += 30.0  # an event that comes later than this is no echo of an order of ours
        hands.something_happens()
        if hands.wanted is not None:
            assert hands.is_paused() == hands.should_be(hands.wanted)
    hands.wants(READY, asked=True)
    assert not any(hands.is_paused().values())
