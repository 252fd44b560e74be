"""How operators work, as the settings say: their states, the time after a call, what they write, whom they call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class StateKind(StrEnum):
    """What a state means for the calls of the queues."""

    READY = "ready"
    AWAY = "away"
    """No calls."""
    LAST = "last"
    """Calls only when nobody else is free, or those who are do not answer."""
    WRAP_UP = "wrap_up"
    """No calls, for a while after one; entered and left by itself."""
    SIGNED_OFF = "signed_off"
    """No calls; he is not at work."""


class Colour(StrEnum):
    """Colours that the page has in both themes."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    BLUE = "blue"
    VIOLET = "violet"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class StateDefinition:
    """One state that an operator can be in; `names` by language (`ru`, `en`)."""

    id: str
    names: Mapping[str, str]
    kind: StateKind
    colour: Colour


@dataclass(frozen=True, slots=True)
class Outcome:
    """What can have come of a call; `needs` are the fields that have to be filled in with it."""

    id: str
    names: Mapping[str, str]
    needs: frozenset[str] = frozenset()


class WhenGone(StrEnum):
    """What becomes of an operator whose page is gone for too long."""

    STAY = "stay"
    AWAY = "away"
    SIGN_OFF = "sign_off"


SHIPPED_STATES = (
    StateDefinition("ready", {"ru": "Готов", "en": "Ready"}, StateKind.READY, Colour.GREEN),
    StateDefinition("break", {"ru": "Перерыв", "en": "Break"}, StateKind.AWAY, Colour.AMBER),
    StateDefinition("lunch", {"ru": "Обед", "en": "Lunch"}, StateKind.AWAY, Colour.AMBER),
    StateDefinition("training", {"ru": "Обучение", "en": "Training"}, StateKind.AWAY, Colour.VIOLET),
    StateDefinition("paperwork", {"ru": "Документы", "en": "Paperwork"}, StateKind.LAST, Colour.BLUE),
    StateDefinition("wrap_up", {"ru": "Обработка", "en": "Wrap-up"}, StateKind.WRAP_UP, Colour.BLUE),
    StateDefinition("signed_off", {"ru": "Не на смене", "en": "Signed off"}, StateKind.SIGNED_OFF, Colour.GREY),
)
SHIPPED_OUTCOMES = (
    Outcome("done", {"ru": "Вопрос решён", "en": "Solved"}),
    Outcome("offer", {"ru": "Готовим предложение", "en": "Offer to be made"}),
    Outcome("call_back", {"ru": "Перезвонить", "en": "Call back"}, frozenset({"next_step"})),
    Outcome("not_ours", {"ru": "Не по адресу", "en": "Not for us"}),
)


@dataclass(frozen=True, slots=True)
class WrapUpSettings:
    """The time after a call. `limit_s` 0: there is none."""

    limit_s: float = 0.0
    required: frozenset[str] = frozenset()
    """Fields without which it does not end: `outcome`, `note`, `feedback`, `next_step`."""


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """Whom operators may call outside: numbers with one of these beginnings, and how many in a minute each."""

    prefixes: tuple[str, ...] = ()
    """In E.164 (`+7`); none: the own country's."""
    per_minute: int = 6
    line: str = ""
    """Our number that is shown there, in E.164; empty: the dialplan's own business."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """All of it."""

    states: tuple[StateDefinition, ...] = SHIPPED_STATES
    wrap_up: WrapUpSettings = field(default_factory=WrapUpSettings)
    last_penalty: int = 10
    """Penalty of a member who is to be called last."""
    gone_after_s: float = 60.0
    when_gone: WhenGone = WhenGone.STAY
    outcomes: tuple[Outcome, ...] = SHIPPED_OUTCOMES
    outbound: OutboundSettings = field(default_factory=OutboundSettings)
    create_deal: bool = False
    """Whether a person who is written down during a call gets a deal as well."""

    def state(self, id_: str) -> StateDefinition | None:
        """The state with this id."""
        return next((one for one in self.states if one.id == id_), None)

    def of_kind(self, kind: StateKind) -> StateDefinition:
        """The first state of this kind; the settings have one of each but `last`."""
        return next(one for one in self.states if one.kind is kind)
