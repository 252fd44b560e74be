"""Calls before there is a bridge: from Asterisk's own records (CDR), with what the CRM says of the callers today."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TypeVar
from zoneinfo import ZoneInfo

from cti_bridge.asterisk.records.cdr import CdrLine, read
from cti_bridge.crm.port import Crm, CrmRefuses, CrmUnavailable
from cti_bridge.crm.stage_words import in_our_words
from cti_bridge.crm_opening import stages_now
from cti_bridge.domain.customer import StageList
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.number import CallerNumber, NumberKind, parse_number
from cti_bridge.domain.staff import StaffNumbers
from cti_bridge.routing.facts import CallFacts, canonical_number
from cti_bridge.routing.replay import CallRef, RecordedCall
from cti_bridge.routing.rules import RuleSet
from cti_bridge.settings import Settings

T = TypeVar("T")

PART = 500
BROKEN = "records that cannot be read"
FURTHER = "further records of a call"
INSIDE = "records of calls that do not come from outside"
ELSEWHERE = "records of another trunk or context"
ANOTHER_TIME = "records of another time"

_SAME_CALL = timedelta(hours=2)
"""Records of one call lie no further apart; a channel of the same name that does is another one, after a restart."""
_CALLS_REMEMBERED = 100_000
_ANSWERS_REMEMBERED = 10_000
_AT_ONCE = 32
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records: of these `trunks` and this `context` (empty for all), of `since` or later and before `until`.

    `did` is the number dialled of all of them, where the records do not have it.
    """

    trunks: frozenset[str] = frozenset()
    context: str = ""
    did: str = ""
    since: float = float("-inf")
    until: float = float("inf")


@dataclass(frozen=True, slots=True)
class House:
    """How numbers are read here, and who is no customer."""

    region: str
    staff: StaffNumbers


@dataclass(frozen=True, slots=True)
class Arrival:
    """One caller, as the rules would have met him."""

    ref: CallRef
    call: CallFacts


class Arrivals:
    """Tells the records of arriving calls from all others, one for each call; `left_out` counts the rest by reason."""

    def __init__(self, asked: Asked, house: House, rules: RuleSet, left_out: Counter[str]) -> None:
        self._left_out = left_out
        self._asked = asked
        self._house = house
        self._zone = ZoneInfo(rules.timezone)
        self._dids = {*rules.lines, *rules.degraded.by_did}
        self._known: OrderedDict[str, CdrLine] = OrderedDict()

    def of(self, record: CdrLine | None) -> Arrival | None:
        """The call that this record is of, unless it is none of those."""
        if record is None:
            self._left_out[BROKEN] += 1
            return None
        caller = self._house.staff.seen(parse_number(record.src, region=self._house.region))
        at = record.start.replace(tzinfo=self._zone)
        if reason := self._why_not(record, caller, at.timestamp()):
            self._left_out[reason] += 1
            return None
        call = CallFacts(caller, did=self._did(record), trunk=record.trunk, name=record.name, at=at)
        return Arrival(CallRef(record.call, at.timestamp(), caller.key or caller.raw), call)

    def _why_not(self, record: CdrLine, caller: CallerNumber, at: float) -> str:
        if not self._asked.since <= at < self._asked.until:
            return ANOTHER_TIME
        if self._asked.trunks and record.trunk not in self._asked.trunks:
            return ELSEWHERE
        if self._asked.context and record.context != self._asked.context:
            return ELSEWHERE
        if record.inner:
            return FURTHER
        # Where nothing else says that a call comes from outside, only the number of the caller can.
        told = bool(self._asked.trunks or self._asked.context)
        if caller.kind is NumberKind.INTERNAL or not (told or caller.kind is NumberKind.EXTERNAL):
            return INSIDE
        return FURTHER if self._is_known(record) else ""

    def _is_known(self, record: CdrLine) -> bool:
        before = self._known.get(record.call) if record.call else None
        if before is not None and abs(record.start - before.start) < _SAME_CALL:
            return True
        self._known[record.call] = record
        self._known.move_to_end(record.call)
        if len(self._known) > _CALLS_REMEMBERED:
            self._known.popitem(last=False)
        return False

    def _did(self, record: CdrLine) -> str:
        """The number dialled; where a record ends with is often the last extension of the dialplan, which is none."""
        if known := record.did or self._asked.did:
            return known
        dialled = parse_number(record.dst, region=self._house.region).kind is NumberKind.EXTERNAL
        return record.dst if dialled or canonical_number(record.dst, self._house.region) in self._dids else ""


class CustomersToday:
    """The CRM, asked about many callers at once; the latest answers are remembered."""

    def __init__(self, crm: Crm, settings: Settings) -> None:
        self._crm = crm
        self._settings = settings
        self._runner = asyncio.Runner()
        self._answers: OrderedDict[str, CrmAnswer] = OrderedDict()

    def __enter__(self) -> "CustomersToday":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._runner.run(self._crm.close())
        self._runner.close()

    def stages(self) -> StageList:
        """The stages that deals can be in. Raises CrmUnavailable."""
        return self._runner.run(_in_time(stages_now(self._settings, self._crm)))

    def answers(self, callers: Iterable[CallerNumber]) -> list[CrmAnswer]:
        """What the CRM says of each of them. Raises CrmUnavailable."""
        asked = list(callers)
        new = {caller.key: caller for caller in asked if caller.key is not None and caller.key not in self._answers}
        now = dict(zip(new, self._runner.run(self._find(list(new.values()))), strict=True))
        answers = []
        for key in (caller.key for caller in asked):
            if key is None:
                answers.append(CrmAnswer(CrmSource.SKIPPED))
                continue
            answers.append(self._answers[key] if key in self._answers else now[key])
            self._answers[key] = answers[-1]
            self._answers.move_to_end(key)
        while len(self._answers) > _ANSWERS_REMEMBERED:
            self._answers.popitem(last=False)
        return answers

    async def _find(self, callers: list[CallerNumber]) -> list[CrmAnswer]:
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def ask(caller: CallerNumber) -> CrmAnswer:
            async with at_once:
                records = in_our_words(await _in_time(self._crm.find(caller)), self._settings.crm.stage_words)
            return CrmAnswer(CrmSource.FRESH if records else CrmSource.NONE, records)

        return await asyncio.gather(*map(ask, callers))


async def _in_time(answer: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await answer
    except TimeoutError:
        raise CrmUnavailable(f"no answer within {_PATIENCE_S:g} s") from None
    except CrmRefuses as error:
        raise CrmUnavailable(str(error)) from error


def recorded_parts(
    path: Path, arrivals: Arrivals, customers: CustomersToday, progress: Callable[[int, int], None]
) -> Iterator[list[RecordedCall]]:
    """The calls of a file, so many at a time; `progress` hears how many bytes of how many are read.

    Raises OSError, CdrUnreadable, CrmUnavailable.
    """
    stages = customers.stages()
    with path.open("rb") as file:
        whole = path.stat().st_size
        found = filter(None, map(arrivals.of, read(file)))
        while part := list(islice(found, PART)):
            answers = customers.answers(arrival.call.caller for arrival in part)
            yield [
                RecordedCall(arrival.ref, arrival.call, answer, stages)
                for arrival, answer in zip(part, answers, strict=True)
            ]
            progress(file.tell(), whole)
