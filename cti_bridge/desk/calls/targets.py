"""Whom a caller can be handed to: operators, queues and numbers, and which of them are free."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, model_validator

from cti_bridge.asterisk.ami.steering import PbxRefused, PbxSilent, Steering
from cti_bridge.asterisk.dialplan import UnsafeValue, safe
from cti_bridge.desk.calls.calls_in_hand import Target
from cti_bridge.desk.calls.numbers_outside import NumbersOutside
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.number import display_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import Answer, Args, CommandRefused
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json


class ToArgs(Args):
    """Whom to: one operator, queue or number."""

    operator: str = Field(default="", max_length=32)
    queue: str = Field(default="", max_length=128)
    number: str = Field(default="", max_length=40)

    @model_validator(mode="after")
    def _one(self) -> "ToArgs":
        if sum(bool(one) for one in (self.operator, self.queue, self.number)) != 1:
            raise ValueError("name one of operator, queue and number")
        return self


class FreeOperator(Answer):
    """A colleague; `free`: none of his phones is in use, and he is neither away nor out of reach."""

    operator: str
    name: str
    phones: list[str]
    state: Literal["idle", "ringing", "talking", "away"]
    free: bool


class FreeQueue(Answer):
    """A queue of the rules; null where the PBX has not said."""

    queue: str
    free: int | None
    waiting: int | None


class TargetsAnswer(Answer):
    """Everybody and everything; `numbers`: whether a number outside can be called."""

    operators: list[FreeOperator]
    queues: list[FreeQueue]
    numbers: bool


@dataclass(frozen=True, slots=True)
class Way:
    """How the PBX gets to a target: one of dial string, queue and number; `ring_s` 0: as long as it takes."""

    target: Target
    dial: str = ""
    queue: str = ""
    number: str = ""
    phones: tuple[str, ...] = field(default=())
    ring_s: int = 0


RING_OPERATOR_S = 25
RING_NUMBER_S = 60


class Targets:
    """Judges targets by what is known of them at this moment. Every refusal is a CommandRefused."""

    def __init__(
        self,
        steering: Steering,
        *,
        directory: Callable[[], Directory],
        busy: Callable[[str], bool],
        team: Callable[[], list[Json]],
        is_away: Callable[[OperatorId], bool],
        is_unreachable: Callable[[OperatorId], bool],
        queues: Callable[[], Mapping[str, int]],
        outside: NumbersOutside,
        can_dial: Callable[[], bool],
    ) -> None:
        """`busy` is asked for phones, `queues` has the time limit of each in seconds (0: none)."""
        self._steering = steering
        self._directory = directory
        self._busy = busy
        self._team = team
        self._is_away = is_away
        self._is_unreachable = is_unreachable
        self._queues = queues
        self._outside = outside
        self._can_dial = can_dial

    async def all(self, operator: Operator) -> TargetsAnswer:
        """All whom this operator could hand a caller to."""
        try:
            now = await self._steering.queues()
        except (PbxRefused, PbxSilent):
            now = {}
        team = {mate["operator"]: mate["state"] for mate in self._team()}
        others = [one for one in self._directory().all() if one.id != operator.id and one.phones]
        return TargetsAnswer(
            operators=[self._colleague(one, team.get(one.id, "idle")) for one in others],
            queues=[
                FreeQueue(
                    queue=name,
                    free=now[name].free if name in now else None,
                    waiting=now[name].waiting if name in now else None,
                )
                for name in self._queues()
            ],
            numbers=self._can_dial(),
        )

    async def way_to(self, operator: Operator, to: ToArgs, *, queues: bool = True) -> Way:
        """How to get to a target that exists and is free. `queues`: a queue will do."""
        if to.operator:
            return await self._to_operator(operator, to.operator)
        if to.number:
            number = self._outside.allowed(operator.id, to.number, self._can_dial())
            shown = Target("number", number, display_number(number))
            return Way(shown, number=number, ring_s=RING_NUMBER_S)
        if not queues:
            raise CommandRefused("not_possible", "a queue cannot be asked, only an operator or a number")
        return self._to_queue(to.queue)

    def _colleague(self, one: Operator, state: str) -> FreeOperator:
        if state == "idle" and self._is_away(one.id):
            state = "away"
        there = state == "idle" and not self._is_unreachable(one.id)
        free = there and not any(self._busy(phone) for phone in one.phones)
        return FreeOperator.model_validate(
            {"operator": one.id, "name": one.name, "phones": list(one.phones), "state": state, "free": free}
        )

    async def _to_operator(self, operator: Operator, wanted: str) -> Way:
        known = self._directory().get(wanted)
        if known is None or not known.phones:
            raise CommandRefused("not_found", "there is no such operator, or he has no phone")
        if known.id == operator.id:
            raise CommandRefused("not_possible", "the call is yours already")
        if any(self._busy(phone) for phone in known.phones):
            raise CommandRefused("not_possible", f"{known.name} is on the phone")
        there = await asyncio.gather(*(self._steering.can_be_reached(phone) for phone in known.phones))
        phones = tuple(phone for phone, found in zip(known.phones, there, strict=True) if found)
        if not phones:
            raise CommandRefused("not_possible", f"no phone of {known.name} is registered")
        return Way(
            Target("operator", known.id, known.name), dial="&".join(phones), phones=phones, ring_s=RING_OPERATOR_S
        )

    def _to_queue(self, wanted: str) -> Way:
        if wanted not in self._queues():
            raise CommandRefused("not_found", "the rules have no such queue")
        try:
            return Way(Target("queue", wanted, wanted), queue=safe(wanted), ring_s=self._queues()[wanted])
        except UnsafeValue:
            raise CommandRefused("not_possible", "the name of this queue cannot be told to the PBX") from None
