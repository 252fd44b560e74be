"""The part `operators` of the settings file: its keys, their types, defaults and limits."""

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from cti_bridge.operators.desk_settings import (
    SHIPPED_OUTCOMES,
    SHIPPED_STATES,
    Colour,
    DeskSettings,
    OutboundSettings,
    Outcome,
    StateDefinition,
    StateKind,
    WhenGone,
    WrapUpSettings,
)
from cti_bridge.settings_model import StrictModel, seconds

_ID = r"^[a-z][a-z0-9_]{0,31}$"
_NEEDED_ONCE = (StateKind.READY, StateKind.AWAY, StateKind.WRAP_UP, StateKind.SIGNED_OFF)
AfterCallField = Literal["outcome", "note", "feedback", "next_step"]


class NamesModel(StrictModel):
    """A name in each language of the page."""

    ru: str = Field(min_length=1, max_length=40)
    en: str = Field(min_length=1, max_length=40)

    @field_validator("ru", "en")
    @classmethod
    def _can_be_read(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("a name is letters that can be seen, in one line")
        return value.strip()


class StateModel(StrictModel):
    """One state."""

    id: str = Field(pattern=_ID)
    name: NamesModel
    kind: StateKind
    colour: Colour


class OutcomeModel(StrictModel):
    """One outcome."""

    id: str = Field(pattern=_ID)
    name: NamesModel
    needs: tuple[Literal["note", "feedback", "next_step"], ...] = ()


class WrapUpModel(StrictModel):
    """The time after a call."""

    limit: float = 0.0
    required: tuple[AfterCallField, ...] = ()

    @field_validator("limit", mode="before")
    @classmethod
    def _duration(cls, value: object) -> float:
        return seconds(str(value))

    @field_validator("limit")
    @classmethod
    def _bounded(cls, value: float) -> float:
        if value and not 1 <= value <= 3600:
            raise ValueError("must be from 1s to 1h, or 0s")
        return value

    @model_validator(mode="after")
    def _there_is_time(self) -> "WrapUpModel":
        if self.required and not self.limit:
            raise ValueError("something is required after a call, but there is no time for it: set limit as well")
        return self


class PageGoneModel(StrictModel):
    """An operator whose page is gone."""

    after: float = 60.0
    then: WhenGone = WhenGone.STAY

    @field_validator("after", mode="before")
    @classmethod
    def _duration(cls, value: object) -> float:
        return seconds(str(value))

    @field_validator("after")
    @classmethod
    def _bounded(cls, value: float) -> float:
        if not 5 <= value <= 24 * 3600:
            raise ValueError("must be from 5s to 24h")
        return value


class OutboundModel(StrictModel):
    """Calls that operators make outside."""

    prefixes: tuple[str, ...] = Field(default=(), max_length=100)
    per_minute: int = Field(default=6, ge=1, le=60)
    line: str = Field(default="", pattern=r"^(\+[0-9]{3,15})?$")

    @field_validator("prefixes")
    @classmethod
    def _beginnings(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            if not re.fullmatch(r"\+[0-9]{1,15}", prefix):
                raise ValueError(f"{prefix} is no beginning of a number such as +7 or +7495")
        return value


class OperatorsModel(StrictModel):
    """How operators work."""

    states: tuple[StateModel, ...] | None = Field(default=None, min_length=1, max_length=30)
    wrap_up: WrapUpModel = WrapUpModel()
    last_penalty: int = Field(default=10, ge=1, le=1000)
    page_gone: PageGoneModel = PageGoneModel()
    outcomes: tuple[OutcomeModel, ...] | None = Field(default=None, max_length=30)
    outbound: OutboundModel = OutboundModel()
    create_deal: bool = False

    @field_validator("states")
    @classmethod
    def _complete(cls, value: tuple[StateModel, ...] | None) -> tuple[StateModel, ...] | None:
        if value is None:
            return None
        ids = [state.id for state in value]
        if len(set(ids)) != len(ids):
            raise ValueError("two states have the same id")
        for kind in _NEEDED_ONCE:
            if not any(state.kind is kind for state in value):
                raise ValueError(f"a state of kind {kind} is missing")
        for kind in (StateKind.WRAP_UP, StateKind.SIGNED_OFF):
            if sum(state.kind is kind for state in value) > 1:
                raise ValueError(f"there can be only one state of kind {kind}")
        return value

    @model_validator(mode="after")
    def _outcomes_differ(self) -> "OperatorsModel":
        ids = [outcome.id for outcome in self.outcomes or ()]
        if len(set(ids)) != len(ids):
            raise ValueError("two outcomes have the same id")
        if self.outcomes == () and "outcome" in self.wrap_up.required:
            raise ValueError("wrap_up.required asks for an outcome, but there are none to choose from")
        return self

    def to_settings(self) -> DeskSettings:
        """What of it the daemon uses."""
        states: tuple[StateDefinition, ...] = SHIPPED_STATES
        if self.states is not None:
            states = tuple(StateDefinition(s.id, s.name.model_dump(), s.kind, s.colour) for s in self.states)
        outcomes: tuple[Outcome, ...] = SHIPPED_OUTCOMES
        if self.outcomes is not None:
            outcomes = tuple(Outcome(o.id, o.name.model_dump(), frozenset(o.needs)) for o in self.outcomes)
        return DeskSettings(
            states=states,
            wrap_up=WrapUpSettings(self.wrap_up.limit, frozenset(self.wrap_up.required)),
            last_penalty=self.last_penalty,
            gone_after_s=self.page_gone.after,
            when_gone=self.page_gone.then,
            outcomes=outcomes,
            outbound=OutboundSettings(self.outbound.prefixes, self.outbound.per_minute, self.outbound.line),
            create_deal=self.create_deal,
        )
