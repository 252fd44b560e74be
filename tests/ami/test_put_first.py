"""Who has been overtaken for too long is put first by Asterisk; what fails is tried again, but not for ever."""

import asyncio
from collections.abc import Iterable, Mapping

import pytest
from structlog.testing import capture_logs

from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.calls.events import CallerId, CallerQueued
from cti_bridge.calls.overtaking import FIRST, MAX_TRIES, Overtaking
from cti_bridge.domain.ids import ChannelId
from cti_bridge.reception.fairness import AT_A_LOOK, Fairness
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.rules import RuleSet

RULES = "version: 1\nqueues: {sales: }\ndefault: {queue: sales}\nmax_overtake: {max_overtake}\n"
NOON = 1795288000.0


class Pbx:
    """Takes actions, or fails at the next ones."""

    def __init__(self, *errors: Exception) -> None:
        self.asked: list[dict[str, str]] = []
        self._errors = list(errors)

    async def ask(self, headers: Mapping[str, str]) -> object:
        self.asked.append(dict(headers))
        if self._errors:
            raise self._errors.pop(0)
        return []

    @property
    def callers(self) -> list[str]:
        return [asked["Caller"] for asked in self.asked]


class Queue:
    """A queue in which the callers named wait, all of them overtaken at noon; and what is done about it."""

    def __init__(self, pbx: Pbx, callers: Iterable[str], *, max_overtake: str = "60s") -> None:
        self.now = NOON
        self.rules: RuleSet = load_rules(RULES.replace("{max_overtake}", max_overtake))
        overtaking = Overtaking()
        waiting = 0
        for waiting, name in enumerate(callers, start=1):
            overtaking.apply(_joins(name, NOON - 10 + waiting / 1000))
        overtaking.apply(_joins("vip", NOON, before=waiting))
        self.fairness = Fairness(pbx, overtaking, rules=lambda: self.rules, now=lambda: self.now)

    async def look(self, at: float) -> None:
        self.now = NOON + at
        await self.fairness.look()


def _joins(name: str, at: float, before: int = 0) -> CallerQueued:
    channel = ChannelId(f"id-of-{name}")
    return CallerQueued(at, channel, channel, "sales", CallerId("+74950000149", "Ёж"), name=name, overtakes=before)


async def test_he_is_put_first_by_the_name_of_his_channel_at_once_and_only_once() -> None:
    pbx = Pbx()
    queue = Queue(pbx, ["PJSIP/trunk-1"])
    await queue.look(59)
    assert pbx.asked == []
    assert (queue.fairness.overtaken, queue.fairness.longest_s) == (1, 59)

    await queue.look(60)
    await queue.look(600)
    assert pbx.asked == [
        {
            "Action": "QueueChangePriorityCaller", "Queue": "sales", "Caller": "PJSIP/trunk-1", "Priority": str(FIRST),
            "Immediate": "yes",
        }
    ]  # fmt: skip
    assert (queue.fairness.put_first, queue.fairness.not_put_first) == (1, 0)
    assert (queue.fairness.overtaken, queue.fairness.longest_s) == (0, 0)


async def test_the_log_says_so_without_the_number() -> None:
    queue = Queue(Pbx(), ["PJSIP/trunk-1"])
    with capture_logs() as said:
        await queue.look(61)

    assert said == [
        {
            "event": "caller.put_first", "log_level": "info", "queue": "sales", "caller": "+7495***0149",
            "overtaken_s": 61.0,
        }
    ]  # fmt: skip


async def test_the_rules_in_force_say_for_how_long() -> None:
    pbx = Pbx()
    queue = Queue(pbx, ["PJSIP/trunk-1"], max_overtake="never")
    await queue.look(100_000)
    assert pbx.asked == []

    queue.rules = load_rules(RULES.replace("{max_overtake}", "24h"))
    await queue.look(100_001)
    assert len(pbx.asked) == 1


@pytest.mark.parametrize("error", [ActionRefused("No such caller"), TimeoutError(), ValueError("control character")])
async def test_what_fails_is_tried_again_and_then_given_up(error: Exception) -> None:
    pbx = Pbx(*[error] * 9)
    queue = Queue(pbx, ["PJSIP/trunk-1"])
    with capture_logs() as said:
        for at in range(60, 70):
            await queue.look(at)

    assert len(pbx.asked) == MAX_TRIES == queue.fairness.not_put_first
    assert [entry["event"] for entry in said] == ["caller.not_put_first"]
    assert queue.fairness.overtaken == 1


async def test_what_failed_once_succeeds_the_next_time() -> None:
    pbx = Pbx(TimeoutError())
    queue = Queue(pbx, ["PJSIP/trunk-1"])
    await queue.look(60)
    await queue.look(61)

    assert (queue.fairness.put_first, queue.fairness.not_put_first) == (1, 1)


async def test_while_asterisk_is_not_there_nothing_is_given_up() -> None:
    pbx = Pbx(*[NotConnected("not connected to AMI")] * 10)
    queue = Queue(pbx, ["PJSIP/trunk-1", "PJSIP/trunk-2"])
    for at in range(60, 70):
        await queue.look(at)
    assert pbx.callers == ["PJSIP/trunk-1"] * 10, "it would fail for the second one just so"

    await queue.look(70)
    assert queue.fairness.put_first == 2


async def test_one_who_has_just_gone_keeps_nobody_else_from_being_put_first() -> None:
    queue = Queue(Pbx(ActionRefused("No such caller")), ["PJSIP/trunk-1", "PJSIP/trunk-2"])
    await queue.look(60)

    assert queue.fairness.put_first == 1


async def test_when_asterisk_does_not_answer_the_others_are_not_tried_one_after_another() -> None:
    pbx = Pbx(*[TimeoutError()] * 10)
    await Queue(pbx, ["PJSIP/trunk-1", "PJSIP/trunk-2"]).look(60)

    assert len(pbx.asked) == 1


async def test_many_are_put_first_a_part_at_a_time_in_the_order_in_which_they_came() -> None:
    pbx = Pbx()
    callers = [f"PJSIP/trunk-{number}" for number in range(AT_A_LOOK + 5)]
    queue = Queue(pbx, callers)
    await queue.look(60)
    assert pbx.callers == callers[:AT_A_LOOK]

    await queue.look(61)
    assert pbx.callers == callers


async def test_it_looks_by_itself_until_it_is_stopped() -> None:
    pbx = Pbx()
    queue = Queue(pbx, ["PJSIP/trunk-1"])
    queue.now = NOON + 60
    task = asyncio.create_task(queue.fairness.run())
    try:
        async with asyncio.timeout(30):
            while not pbx.asked:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
