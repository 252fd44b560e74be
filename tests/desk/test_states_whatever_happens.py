"""Whatever happens to an operator, in whatever order: what has to hold of his state does."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from state_stories import LIMIT_S, Story, desk, restarted

from cti_bridge.domain.ids import CallId
from cti_bridge.operators.desk_settings import StateKind, WhenGone
from cti_bridge.operators.state_happenings import Pages, Pbx, SignedOut, Tick, Written
from cti_bridge.operators.state_table import Missing
from cti_bridge.operators.states import Moment, due

CALLS = st.integers(1, 2).map(lambda number: CallId(f"main-{number}.1"))
STATES = st.sampled_from(["ready", "break", "lunch", "training", "paperwork", "signed_off"])
PAUSED = {StateKind.AWAY, StateKind.WRAP_UP, StateKind.SIGNED_OFF}
FIELDS = st.just(frozenset[str]()) | st.frozensets(st.sampled_from(["note", "outcome"]))


class AnOperatorsDay(RuleBasedStateMachine):
    """One operator, all that can happen to him, in virtual time."""

    @initialize(gone=st.sampled_from(WhenGone))
    def begin(self, gone: WhenGone) -> None:
        self.story = Story(desk(required=("note", "outcome"), gone=gone))
        self.wanted: str | None = None
        """What he, or somebody for him, asked for last, and what nothing has replaced since."""

    def _ask(self, state: str, by: str) -> None:
        try:
            self.story.asks(state, by=by)
        except Missing:
            return
        self.wanted = state

    @rule(state=STATES)
    def asks(self, state: str) -> None:
        self._ask(state, "")

    @rule(state=STATES)
    def is_put_into(self, state: str) -> None:
        self._ask(state, "irina")

    @rule(call=CALLS)
    def talks(self, call: CallId) -> None:
        self.story.talks(call)

    @rule(call=CALLS, outside=st.booleans(), missing=FIELDS, ago_s=st.sampled_from([0.0, 0.0, 5.0, 1000.0]))
    def is_through(self, call: CallId, outside: bool, missing: frozenset[str], ago_s: float) -> None:
        self.story.hangs_up(call, outside=outside, missing=tuple(missing), ago_s=ago_s)

    @rule(call=CALLS, missing=FIELDS)
    def writes(self, call: CallId, missing: frozenset[str]) -> None:
        self.story.happens(Written(call, missing))

    @rule()
    def finishes(self) -> None:
        try:
            self.story.finishes()
        except Missing:
            assert self.story.state.missing

    @rule(seconds=st.sampled_from([0.0, 1.0, 29.0, 61.0, 4000.0]))
    def waits(self, seconds: float) -> None:
        before = self.story.state
        self.story.wait(seconds)
        if before.gone_at is not None and self.story.state.gone_at is None:
            self.wanted = None  # nobody is at the desk

    @rule(by_s=st.sampled_from([-90000.0, -5.0, 5.0, 90000.0]))
    def clock_is_set(self, by_s: float) -> None:
        self.story.clock_is_set(by_s)

    @rule(count=st.integers(0, 2))
    def opens_pages(self, count: int) -> None:
        self.story.happens(Pages(count))

    @rule()
    def signs_out(self) -> None:
        before = self.story.state.steered
        self.story.happens(SignedOut())
        if before:
            self.wanted = "signed_off"

    @rule(paused=st.lists(st.booleans(), max_size=3), foreign=st.booleans())
    def asterisk_says(self, paused: list[bool], foreign: bool) -> None:
        before = self.story.state
        self.story.asterisk_says(*paused, foreign=foreign)
        if self.story.state.number != before.number or (self.story.state.next is None and before.next is not None):
            self.wanted = None  # somebody else's word is the latest

    @rule(up=st.booleans())
    def asterisk_goes_or_comes(self, up: bool) -> None:
        self.story.happens(Pbx(up))

    @rule(after_s=st.sampled_from([0.0, 20.0, 5000.0, -5000.0]))
    def bridge_is_killed(self, after_s: float) -> None:
        missing = self.story.state.missing
        self.story = restarted(self.story, after_s=after_s, missing=missing)

    @precondition(lambda self: self.story.state.kind is StateKind.WRAP_UP)
    @rule()
    def nothing_happens_for_long(self) -> None:
        """The time after a call ends by itself, unless something is missing or he talks; tried on a copy."""
        again = replace(self.story)
        again.state = self.story.state
        again.wait(LIMIT_S + 1)
        if not again.state.talks and not again.state.missing:
            gone = {"break", "signed_off"} if self.story.state.gone_at is not None else set()
            assert again.name in {self.story.next or self.story.state.back, *gone}
        else:
            assert again.state.kind is StateKind.WRAP_UP

    @invariant()
    def is_paused_where_no_calls_are_to_come(self) -> None:
        state, treatment = self.story.state, self.story.treatment
        if treatment is None:
            assert not state.steered
            return
        following = self.story.settings.state(self.story.next) if self.story.next else None
        leaves = bool(state.talks) and following is not None and following.kind in PAUSED
        assert treatment.paused == (state.kind in PAUSED or leaves)
        assert treatment.last == (state.kind is StateKind.LAST and not treatment.paused)

    @invariant()
    def what_was_asked_for_is_there_or_follows(self) -> None:
        state = self.story.state
        if self.wanted is None:
            return
        gone = {"break", "signed_off"} if self.story.settings.when_gone is not WhenGone.STAY else set()
        follows = {state.state, self.story.next, state.back if state.kind is StateKind.WRAP_UP else None}
        assert follows & {self.wanted, *gone}

    @invariant()
    def time_never_stands_still(self) -> None:
        """Nothing is due that has not been done."""
        at = due(self.story.state)
        now = self.story.at
        if at is not None and at <= now.running:
            later = Moment(now.wall, now.running)
            story = replace(self.story, at=later)
            story.state = self.story.state
            story.happens(Tick())
            assert due(story.state) is None or story.state != self.story.state

    @invariant()
    def the_time_after_a_call_has_an_end_and_a_reason(self) -> None:
        state = self.story.state
        if state.kind is StateKind.WRAP_UP:
            assert state.deadline is not None
            assert state.deadline - self.story.at.running <= LIMIT_S
            assert state.back
            assert state.back != "wrap_up"
        else:
            assert (state.deadline, state.until, state.overdue) == (None, None, False)


TestAnOperatorsDay = AnOperatorsDay.TestCase
TestAnOperatorsDay.settings = settings(max_examples=4 * settings().max_examples, stateful_step_count=50)
