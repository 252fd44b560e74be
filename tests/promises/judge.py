"""Whether a receiver was told of every call as it was, each event once and in order. Pure.

`judged` holds what arrived against what is true; nothing that the bridge heals itself by is looked at.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from promises.witnesses import Truth

STARTED, ANSWERED, ENDED, UPDATED = "call.started", "call.answered", "call.ended", "call.updated"
EXACT_S = 1.5
"""How far a time may be from the true one: the witnesses' clock stops while their process does not run."""
FORGOTTEN_S = 2.0
"""How long before a kill a caller came whose decision may have been on its way to the disk, on a busy machine."""
RECOVERED_S = 2.0
"""The same for what was found out later; Asterisk's own records of queues have whole seconds."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came; `kept`: the receiver has it, whatever it answered."""

    key: str
    body: bytes
    kept: bool


@dataclass(frozen=True, slots=True)
class Noted:
    """What the journal has of a call in the end; `operator` is empty when nobody answered."""

    outcome: str
    operator: str
    answered_at: float | None
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class Wrong:
    """One mistake: the call, what kind of mistake it is, and what is wrong in particular."""

    call: str
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Away:
    """From when to when the bridge did not hear of Asterisk, in seconds since 1970."""

    since: float
    until: float


Event = dict[str, Any]


def judged(
    truths: Sequence[Truth],
    received: Sequence[Received],
    journal: Mapping[str, Noted],
    *,
    operator_of: Callable[[str], str],
    away: Sequence[Away] = (),
    kills: Sequence[float] = (),
) -> list[Wrong]:
    """Every mistake. `operator_of` says whose a phone is; `away` may make the times of a recovered call late.

    `kills` are the times of kills: a decision reaches the disk after its caller was let go, so one made just then may
    be forgotten, and the call be told as one that the dialplan decided. The call itself may not.
    """
    wrong = list(_two_bodies(received))
    told = _kept_once(received)
    known = {truth.call: truth for truth in truths}
    wrong += [Wrong(call, "nobody's call") for call in sorted({*told, *journal} - known.keys())]
    for truth in truths:
        events = told.get(truth.call, [])
        if not events:
            if truth.queued:
                wrong.append(Wrong(truth.call, "lost", "nothing was told of it"))
            continue
        found = list(_sequence(events)) or [
            *_facts(truth, events, operator_of),
            *_decision(truth, events, kills),
            *_times(truth, events, away),
            *_journal(events, journal.get(truth.call)),
        ]
        wrong += [Wrong(truth.call, kind, detail) for kind, detail in found]
    return wrong


def _two_bodies(received: Iterable[Received]) -> Iterable[Wrong]:
    """The same key for something else; also what the receiver did not keep counts, for another one might have."""
    bodies: dict[str, bytes] = {}
    reported = set()
    for one in received:
        if bodies.setdefault(one.key, one.body) != one.body and one.key not in reported:
            reported.add(one.key)
            yield Wrong(one.key.rpartition("/")[0], "one key, two bodies", one.key)


def _kept_once(received: Iterable[Received]) -> dict[str, list[Event]]:
    """The events of each call in the order in which they were kept first, repeated keys dropped."""
    calls: dict[str, list[Event]] = defaultdict(list)
    seen = set()
    for one in received:
        if one.kept and one.key not in seen:
            seen.add(one.key)
            event = json.loads(one.body)
            calls[event["subject"]].append({**event, "key": one.key})
    return calls


def _sequence(events: Sequence[Event]) -> Iterable[tuple[str, str]]:
    """Keys without a gap and in order, in one of the two legal sequences, to the end."""
    call = events[0]["subject"]
    keys = [event["key"] for event in events]
    if keys != [f"{call}/{seq}" for seq in range(1, len(events) + 1)]:
        yield "not in order or with a gap", " ".join(key.rpartition("/")[2] for key in keys)
    if any(event["id"] != event["key"] or event["data"]["call"] != call for event in events):
        yield "an event that says it is another", ""
    types = [event["type"] for event in events]
    middle = [ANSWERED] if ANSWERED in types else []
    expected = [STARTED, *middle, ENDED, UPDATED]
    if types[: len(expected)] != expected or set(types[len(expected) :]) - {UPDATED}:
        yield "no legal sequence", " ".join(type_.removeprefix("call.") for type_ in types)
    ends = [event["data"]["ended_at"] for event in events if event["type"] in {ENDED, UPDATED}]
    if any(before and not after for before, after in pairwise(ends)):
        yield "no legal sequence", "an end was taken back"


def _facts(truth: Truth, events: Sequence[Event], operator_of: Callable[[str], str]) -> Iterable[tuple[str, str]]:
    """Who called, whether he was answered and by whom."""
    last = events[-1]["data"]
    if last["caller"]["number"] != truth.number:
        yield "another caller", ""
    outcome = "answered" if truth.answered is not None else "abandoned"
    if last["outcome"] != outcome and not (truth.disputed and last["outcome"] in {"answered", "abandoned"}):
        yield f"{outcome} became {last['outcome']}", f"by {truth.phone}" if truth.phone else ""
    operator = (last["operator"] or {}).get("id", "")
    told = [(event["data"]["operator"] or {}).get("id", "") for event in events if event["type"] == ANSWERED]
    if (last["outcome"] == "answered") != bool(told):
        yield "answered told or not, whatever the outcome", last["outcome"]
    if last["outcome"] == "answered" and {operator, *told} != {operator_of(truth.phone)}:
        yield "another operator", f"{operator_of(truth.phone)} answered, told was {' '.join({operator, *told})}"


def _decision(truth: Truth, events: Sequence[Event], kills: Sequence[float]) -> Iterable[tuple[str, str]]:
    told = events[-1]["data"]["decision"]
    forgotten = told == "fallback" and any(0 <= kill - truth.began <= FORGOTTEN_S for kill in kills)
    if truth.decision and told != truth.decision and not forgotten:
        yield "another decision", f"{truth.decision}, told was {told}"


def _times(truth: Truth, events: Sequence[Event], away: Sequence[Away]) -> Iterable[tuple[str, str]]:
    last = events[-1]["data"]
    for what, true in (("answered_at", truth.answered), ("ended_at", truth.ended)):
        told = last[what]
        if told is None or true is None:
            continue
        exact = RECOVERED_S if last["recovered"] else EXACT_S
        late = max((one.until - true for one in away if one.since <= true <= one.until), default=0.0)
        off = datetime.fromisoformat(told).timestamp() - true
        if not -exact <= off <= exact + (late if last["recovered"] else 0.0):
            recovered = ", recovered" if last["recovered"] else ""
            yield f"{what} is not true", f"{off:+.1f} s{recovered}"


def _journal(events: Sequence[Event], noted: Noted | None) -> Iterable[tuple[str, str]]:
    if noted is None:
        yield "not in the journal", ""
        return
    last = events[-1]["data"]
    told = (last["outcome"], (last["operator"] or {}).get("id", ""), last["answered_at"], last["ended_at"])
    kept = (noted.outcome, noted.operator, _same(noted.answered_at, told[2]), _same(noted.ended_at, told[3]))
    if told != kept:
        yield "the journal says something else", f"{kept}, told was {told}"


def _same(at: float | None, told: str | None) -> str | float | None:
    """The text that was told, if it means this time."""
    if at is None or told is None:
        return at
    return told if abs(datetime.fromisoformat(told).timestamp() - at) < 0.01 else at
