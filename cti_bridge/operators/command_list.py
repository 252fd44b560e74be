"""What operators can have done: each command by its name, with the form of its arguments, and carried out once.

A page sends commands over its websocket, a program by HTTP; both come here. Whoever offers a command says who may give
it, what it takes and what it answers; nothing else has to be done for it to be checked, documented and reachable.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators import protocol
from cti_bridge.operators.commands import CommandResults
from cti_bridge.operators.protocol import Json

log = structlog.get_logger(__name__)

WITHIN_S = 20.0
"""So long may a command take; then it is answered with `no_answer`, and nobody knows whether it was carried out."""
AT_ONCE = 8
"""Commands of one operator that may be on their way; more are answered with `busy`."""


class Args(BaseModel):
    """The arguments of a command: unknown ones and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """What a command answers with."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


A = TypeVar("A", bound=Args)


class CommandRefused(Exception):
    """A command was not carried out: `code` is for programs (a word of REFUSALS), the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        if code not in REFUSALS:
            raise ValueError(f"{code} is no refusal")
        self.code = code


REFUSALS = {
    "unknown_command": 404,
    "bad_args": 400,
    "not_allowed": 403,
    "not_found": 404,
    "not_possible": 409,
    "conflict": 409,
    "already_taken": 409,
    "busy": 429,
    "unavailable": 503,
    "no_answer": 504,
    "failed": 502,
}
"""Every code that a refusal can have, and its HTTP status."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `role` is the least that may give it, `says` one sentence for the documentation."""

    name: str
    args: type[Args]
    carry_out: Callable[[Operator, Any], Awaitable[Answer | None]]
    says: str
    answer: type[Answer] | None = None
    role: Role = Role.OPERATOR


_RANK = (Role.OPERATOR, Role.SUPERVISOR, Role.ADMIN)


class CommandList:
    """The commands that are offered, and the results of those that were given lately."""

    def __init__(self, *, within_s: float = WITHIN_S, at_once: int = AT_ONCE) -> None:
        self._commands: dict[str, Command] = {}
        self._results = CommandResults()
        self._under_way: dict[tuple[OperatorId, str], tuple[asyncio.Task[bytes], bytes]] = {}
        self._given: Counter[OperatorId] = Counter()
        self._within_s = within_s
        self._at_once = at_once

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def offer(self, command: Command) -> None:
        """Add a command. Raises ValueError when there is one of this name."""
        if command.name in self._commands:
            raise ValueError(f"{command.name} is offered twice")
        self._commands[command.name] = command

    async def carry_out(self, operator: Operator, id_: str, name: str, args: Json, *, now: float) -> bytes:
        """The `result` frame of a command; of one whose `id_` was given before within five minutes, that one's.

        The command goes on when whoever waits for it goes away: his page comes back and asks again. An id that was
        given to something else is refused: its result would be taken for this one's. `now` is monotonic time in
        seconds.
        """
        asked = _digest(name, args)
        known = self._results.first(operator.id, id_, now)
        if known is not None:
            return known if self._results.asked(operator.id, id_) == asked else _another(id_)
        key = (operator.id, id_)
        task, under_way = self._under_way.get(key, (None, b""))
        if task is not None and under_way != asked:
            return _another(id_)
        if task is None:
            if self._given[operator.id] >= self._at_once:
                return protocol.failure(id_, "busy", "too many commands are on their way")
            task = asyncio.create_task(self._result(operator, id_, name, args, now), name=f"command-{name}")
            self._under_way[key] = task, asked
            self._given[operator.id] += 1
            task.add_done_callback(lambda _: self._over(key))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = [task for task, _ in self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _over(self, key: tuple[OperatorId, str]) -> None:
        del self._under_way[key]
        self._given[key[0]] -= 1
        if not self._given[key[0]]:
            del self._given[key[0]]

    async def _result(self, operator: Operator, id_: str, name: str, args: Json, now: float) -> bytes:
        try:
            async with asyncio.timeout(self._within_s):
                result = protocol.success(id_, await self._answer(operator, name, args))
        except CommandRefused as refused:
            result = protocol.failure(id_, refused.code, str(refused))
        except TimeoutError:
            result = protocol.failure(id_, "no_answer", "no answer in time; look whether it was done")
        except Exception:
            log.exception("command.failed", operator=operator.id, command=name)
            result = protocol.failure(id_, "failed", "the bridge could not do it; its log says why")
        self._results.remember(operator.id, id_, result, now, asked=_digest(name, args))
        return result

    async def _answer(self, operator: Operator, name: str, args: Json) -> bytes:
        command = self._commands.get(name)
        if command is None:
            raise CommandRefused("unknown_command", f"there is no command {name}")
        if _RANK.index(operator.role) < _RANK.index(command.role):
            raise CommandRefused("not_allowed", f"{name} is for the role {command.role}")
        try:
            given = command.args.model_validate(args)
        except ValidationError as error:
            # Where, never what: texts about customers are in it.
            places = sorted({".".join(str(part) for part in wrong["loc"]) or "args" for wrong in error.errors()})
            raise CommandRefused("bad_args", f"wrong or missing: {', '.join(places)[:200]}") from None
        return _in_json(await command.carry_out(operator, given))


def _in_json(answer: Answer | None) -> bytes:
    """The answer as text, without a tree of objects in between: a long one would hold up everybody else."""
    if answer is None:
        return b"null"
    try:
        return answer.model_dump_json().encode()
    except ValueError:
        # Half of a surrogate pair, as a hostile caller name may have one.
        return protocol.encode(answer.model_dump(mode="json"))


def _digest(name: str, args: Json) -> bytes:
    """What tells one command from another."""
    return hashlib.sha256(json.dumps([name, args], sort_keys=True).encode()).digest()


def _another(id_: str) -> bytes:
    return protocol.failure(id_, "bad_args", "id: was given to another command less than five minutes ago")
