"""Operators' states told as stories: one operator, two clocks, and what happens to him."""

from dataclasses import dataclass, field, replace

from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.operators.desk_settings import DeskSettings, StateDefinition, WhenGone, WrapUpSettings
from cti_bridge.operators.state_happenings import Asked, Finished, Happening, MembersSeen, TalkBegan, TalkEnded, Tick
from cti_bridge.operators.state_table import happens, unknown
from cti_bridge.operators.states import MemberPicture, Moment, OperatorState, Treatment, period, treatment
from cti_bridge.operators.states_taken_up import taken_up

MONDAY = 1_795_500_000.0
LIMIT_S = 60.0
ANNA = OperatorId("anna")
FIRST, SECOND = CallId("main-1.1"), CallId("main-2.1")


def desk(*, limit_s: float = LIMIT_S, required: tuple[str, ...] = (), gone: WhenGone = WhenGone.STAY) -> DeskSettings:
    """The shipped states with a time after each call."""
    return DeskSettings(wrap_up=WrapUpSettings(limit_s, frozenset(required)), when_gone=gone, gone_after_s=30.0)


@dataclass
class Story:
    """What happens to Anna, and her state."""

    settings: DeskSettings = field(default_factory=desk)
    at: Moment = field(default_factory=lambda: Moment(MONDAY, 1000.0))
    state: OperatorState = field(init=False)

    def __post_init__(self) -> None:
        self.state = unknown(ANNA, self.settings, self.at)

    def wait(self, seconds: float) -> None:
        """Time passes, and she is looked at."""
        self.at = Moment(self.at.wall + seconds, self.at.running + seconds)
        self.happens(Tick())

    def clock_is_set(self, by_s: float) -> None:
        """Somebody sets the clock on the wall."""
        self.at = Moment(self.at.wall + by_s, self.at.running)
        self.happens(Tick())

    def happens(self, what: Happening) -> None:
        """One thing happens."""
        self.state = happens(self.state, what, self.settings, self.at)

    def named(self, state: str) -> StateDefinition:
        """The state with this id."""
        known = self.settings.state(state)
        assert known is not None
        return known

    def asks(self, state: str, *, by: str = "") -> None:
        """She, or somebody for her, asks for a state."""
        self.happens(Asked(self.named(state), by))

    def finishes(self) -> None:
        """She says that she has written everything down."""
        self.happens(Finished())

    def talks(self, call: CallId = FIRST) -> None:
        """She begins to talk."""
        self.happens(TalkBegan(call))

    def hangs_up(
        self, call: CallId = FIRST, *, outside: bool = True, missing: tuple[str, ...] = (), ago_s: float = 0.0
    ) -> None:
        """She no longer talks."""
        self.happens(TalkEnded(call, self.at.wall - ago_s, outside, frozenset(missing)))

    def asterisk_says(self, *paused: bool, reason: str = "", foreign: bool = False) -> None:
        """Whether she is paused in her queues, one after another."""
        self.happens(
            MembersSeen(
                tuple(
                    MemberPicture(f"queue-{number}", "PJSIP/101", one, reason if one else "", by_hand=foreign)
                    for number, one in enumerate(paused)
                ),
                foreign,
            )
        )

    def asterisk_has(self, *, by_hand: tuple[bool, ...] = (), else_: tuple[bool, ...] = ()) -> None:
        """She is so in her queues, paused or not; in some of them by somebody else's hand, as it was before."""
        those = [(paused, True) for paused in by_hand] + [(paused, False) for paused in else_]
        members = (
            MemberPicture(f"queue-{number}", "PJSIP/101", paused, by_hand=by)
            for number, (paused, by) in enumerate(those)
        )
        self.happens(MembersSeen(tuple(members)))

    @property
    def name(self) -> str:
        """The id of her state."""
        return self.state.state

    @property
    def next(self) -> str | None:
        """What was asked for and is to follow."""
        return self.state.next.state if self.state.next is not None else None

    @property
    def treatment(self) -> Treatment | None:
        """How Asterisk is to treat her."""
        return treatment(self.state, self.settings)


def after_a_talk(settings: DeskSettings, *, missing: tuple[str, ...] = ()) -> Story:
    """Anna, ready, has just talked with somebody."""
    story = Story(settings)
    story.asks("ready")
    story.talks()
    story.wait(20.0)
    story.hangs_up(missing=missing)
    return story


def restarted(story: Story, *, after_s: float, missing: frozenset[str] = frozenset()) -> Story:
    """The same operator after the bridge was killed, and started again so much later."""
    again = replace(story)
    again.at = Moment(story.at.wall + after_s, 5.0)
    kept = period(story.state)
    again.state = taken_up(kept, story.settings, dict.fromkeys(kept.calls, missing), again.at)
    again.happens(Tick())
    return again
