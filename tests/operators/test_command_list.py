"""A command is carried out once: repeated, from another page, while it is under way, when nobody waits any more."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.command_list import Answer, Args, Command, CommandList, CommandRefused
from cti_bridge.operators.protocol import Json

ANNA = Operator(OperatorId("anna"), "Анна Ёжикова", ("PJSIP/101",))
BORIS = Operator(OperatorId("boris"), "Борис Щукин", ("PJSIP/102",), role=Role.SUPERVISOR)


class Hang(Args):
    """Which hook."""

    hook: int


class Hung(Answer):
    """How often it was hung."""

    times: int


class Named(Answer):
    """Whose hook it is."""

    name: str


@dataclass
class Hooks:
    """Counts what was really done; `gate` holds it up."""

    done: list[tuple[str, int]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def hang(self, operator: Operator, args: Hang) -> Hung:
        self.done.append((operator.id, args.hook))
        await self.gate.wait()
        if args.hook > 9:
            raise CommandRefused("not_possible", "there are nine hooks")
        if args.hook < 0:
            raise ZeroDivisionError
        return Hung(times=len(self.done))


Given = Callable[..., Awaitable[Json]]


@pytest.fixture
async def hooks() -> Hooks:
    hooks = Hooks()
    hooks.gate.set()
    return hooks


@pytest.fixture
async def commands(hooks: Hooks) -> AsyncIterator[CommandList]:
    commands = CommandList(within_s=30, at_once=2)
    commands.offer(Command("hook.hang", Hang, hooks.hang, "Hang it up.", Hung))
    commands.offer(Command("hook.saw", Hang, hooks.hang, "Saw it off.", Hung, role=Role.SUPERVISOR))
    yield commands
    await commands.close()


async def give(
    commands: CommandList, operator: Operator, id_: str, name: str = "hook.hang", now: float = 0.0, **args: object
) -> Json:
    frame: Json = json.loads(await commands.carry_out(operator, id_, name, args, now=now))
    assert (frame["op"], frame["id"]) == ("result", id_)
    return frame


async def test_a_command_is_carried_out_and_answered(commands: CommandList, hooks: Hooks) -> None:
    assert await give(commands, ANNA, "c1", hook=3) == {"op": "result", "id": "c1", "ok": True, "value": {"times": 1}}
    assert hooks.done == [("anna", 3)]


async def test_the_same_id_again_is_answered_and_not_carried_out(commands: CommandList, hooks: Hooks) -> None:
    first = await give(commands, ANNA, "c1", hook=3)
    assert await give(commands, ANNA, "c1", hook=3, now=299.0) == first
    assert (await give(commands, BORIS, "c1", hook=5))["value"] == {"times": 2}, "somebody else's is another one"
    assert (await give(commands, ANNA, "c1", hook=6, now=301.0))["value"] == {"times": 3}, "and after five minutes"
    assert hooks.done == [("anna", 3), ("boris", 5), ("anna", 6)]


async def test_two_pages_that_ask_at_the_same_time_get_one_result(commands: CommandList, hooks: Hooks) -> None:
    hooks.gate.clear()
    pages = [asyncio.create_task(give(commands, ANNA, "c1", hook=3)) for _ in range(2)]
    await asyncio.sleep(0)
    hooks.gate.set()
    first, second = await asyncio.gather(*pages)
    assert first == second
    assert hooks.done == [("anna", 3)]


async def test_what_was_begun_goes_on_when_the_page_is_gone(commands: CommandList, hooks: Hooks) -> None:
    hooks.gate.clear()
    page = asyncio.create_task(give(commands, ANNA, "c1", hook=3))
    await asyncio.sleep(0.01)
    page.cancel()
    with pytest.raises(asyncio.CancelledError):
        await page
    hooks.gate.set()
    assert (await give(commands, ANNA, "c1", hook=3))["value"] == {"times": 1}
    assert hooks.done == [("anna", 3)]


async def test_too_many_at_once_are_refused_and_may_be_repeated(commands: CommandList, hooks: Hooks) -> None:
    hooks.gate.clear()
    pages = [asyncio.create_task(give(commands, ANNA, f"c{n}", hook=n)) for n in range(2)]
    await asyncio.sleep(0.01)
    assert (await give(commands, ANNA, "c9", hook=9))["error"]["code"] == "busy"
    hooks.gate.set()
    await asyncio.gather(*pages)
    assert (await give(commands, ANNA, "c9", hook=9))["value"] == {"times": 3}


@pytest.mark.parametrize(
    ("operator", "name", "args", "code", "words"),
    [
        (ANNA, "hook.paint", {}, "unknown_command", "there is no command hook.paint"),
        (ANNA, "hook.hang", {}, "bad_args", "wrong or missing: hook"),
        (ANNA, "hook.hang", {"hook": "Ёлка"}, "bad_args", "wrong or missing: hook"),
        (ANNA, "hook.hang", {"hook": 1, "colour": "red"}, "bad_args", "wrong or missing: colour"),
        (ANNA, "hook.saw", {"hook": 1}, "not_allowed", "hook.saw is for the role supervisor"),
        (ANNA, "hook.hang", {"hook": 10}, "not_possible", "there are nine hooks"),
        (ANNA, "hook.hang", {"hook": -1}, "failed", "the bridge could not do it; its log says why"),
    ],
)
async def test_what_is_refused_says_why(
    commands: CommandList, operator: Operator, name: str, args: Json, code: str, words: str
) -> None:
    refused = await give(commands, operator, "c1", name, **args)
    assert (refused["ok"], refused["error"]) == (False, {"code": code, "message": words})


async def test_a_higher_role_may_do_it(commands: CommandList) -> None:
    assert (await give(commands, BORIS, "c1", "hook.saw", hook=1))["ok"]


async def test_one_that_takes_too_long_is_answered_without_knowing(hooks: Hooks) -> None:
    commands = CommandList(within_s=0.01)
    commands.offer(Command("hook.hang", Hang, hooks.hang, "Hang it up.", Hung))
    hooks.gate.clear()
    assert (await give(commands, ANNA, "c1", hook=3))["error"]["code"] == "no_answer"


@pytest.mark.parametrize("name", ["Анна Ёжикова", "half a pair: \ud83d", '"}\n\x00'])
async def test_an_answer_says_every_text_letter_by_letter(name: str) -> None:
    async def who(operator: Operator, args: Hang) -> Named:
        return Named(name=name)

    commands = CommandList()
    commands.offer(Command("hook.name", Hang, who, "Whose it is.", Named))
    frame = await give(commands, ANNA, "1", "hook.name", hook=1)
    assert frame == {"op": "result", "id": "1", "ok": True, "value": {"name": name}}


async def test_closing_gives_up_what_is_under_way(commands: CommandList, hooks: Hooks) -> None:
    hooks.gate.clear()
    page = asyncio.create_task(give(commands, ANNA, "c1", hook=3))
    await asyncio.sleep(0.01)
    await commands.close()
    with pytest.raises(asyncio.CancelledError):
        await page


async def test_an_id_that_was_given_to_something_else_is_refused_and_hides_no_write(
    commands: CommandList, hooks: Hooks
) -> None:
    hooks.gate.clear()
    first = asyncio.create_task(give(commands, BORIS, "c1", hook=3))
    await asyncio.sleep(0)
    for _ in ("while it is under way", "when it is done"):
        for name, hook in (("hook.hang", 4), ("hook.saw", 3)):
            result = await give(commands, BORIS, "c1", name, hook=hook)
            assert (result["ok"], result["error"]["code"]) == (False, "bad_args")
        hooks.gate.set()
        assert (await first)["ok"]
    assert hooks.done == [("boris", 3)]
    assert (await give(commands, BORIS, "c1", hook=4, now=301.0))["ok"]
    assert (await give(commands, ANNA, "c1", hook=5))["ok"]
