"""What SIPp's callers and phones logged and what Asterisk's CDR says, put together to what is true of each call. Pure.

Neither is read by the bridge, so they may be its judges. Where they do not agree with each other that is said too: a
judge who contradicts himself proves nothing.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CDR_FIELDS = ("channel", "sip_call", "decision", "phone", "application", "disposition", "began", "answered", "ended")
CDR_LINE = (
    "${CSV_QUOTE(${CDR(uniqueid)})},${CSV_QUOTE(${CDR(userfield)})},${CDR(accountcode)},"
    "${CSV_QUOTE(${CDR(dstchannel)})},${CDR(lastapp)},${CDR(disposition)},"
    "${CDR(start,u)},${CDR(answer,u)},${CDR(end,u)}"
)
"""A record as cdr_custom writes it; the test's dialplan puts the SIP Call-ID and the decision into two fields."""
AT_ONCE_S = 0.1
"""Who gives up and is answered within this of each other has done both: which of them counts is nobody's mistake."""
AGREE_S = 1.5
"""The clocks are one, but SIPp looks at its own only when it gets to run."""
CALLERS_END = {"gaveup", "hungup", "ended", "refused"}
PHONES_END = {"cancelled", "hungup", "ended"}


@dataclass(frozen=True, slots=True)
class CallerSaw:
    """One call as its caller saw it; `how` it ended is `gaveup`, `hungup`, `ended` (by the other side) or `refused`."""

    sip_call: str
    number: str
    invited: float
    answered: float | None = None
    over: float | None = None
    how: str = ""


@dataclass(frozen=True, slots=True)
class PhoneSaw:
    """One call as a phone saw it; `how` it ended is `cancelled`, `hungup` or `ended` (by the other side)."""

    phone: str
    number: str
    rang: float
    answered: float | None = None
    over: float | None = None
    how: str = ""


@dataclass(frozen=True, slots=True)
class CdrSaw:
    """One record: the caller's channel and one phone that was called for it, if any; times are seconds since 1970."""

    channel: str
    sip_call: str
    decision: str
    phone: str
    application: str
    began: float
    answered: float | None
    ended: float


@dataclass(frozen=True, slots=True)
class Truth:
    """One call as it was. `phone` answered first; `disputed`: it was given up and answered at the same moment.

    `decision` is the one that the dialplan carried out; empty when the caller did not wait for it.
    """

    call: str
    number: str
    began: float
    ended: float
    queued: bool
    answered: float | None
    phone: str
    disputed: bool = False
    decision: str = ""


def callers_saw(lines: Iterable[str]) -> list[CallerSaw]:
    """What many_callers.xml logged: a word, the Call-ID, the number, seconds, microseconds."""
    steps: dict[str, dict[str, float]] = defaultdict(dict)
    numbers: dict[str, str] = {}
    for line in lines:
        word, sip_call, number, seconds, micros = line.split()
        steps[sip_call].setdefault(word, _time(seconds, micros))
        numbers[sip_call] = number
    return [
        CallerSaw(call, numbers[call], at["invited"], at.get("answered"), *_end(at, CALLERS_END))
        for call, at in steps.items()
    ]


def phones_saw(lines: Iterable[str]) -> list[PhoneSaw]:
    """What many_phones.xml logged: a word, the Call-ID, the phone, the number, seconds, microseconds."""
    steps: dict[str, dict[str, float]] = defaultdict(dict)
    who: dict[str, tuple[str, str]] = {}
    for line in lines:
        word, sip_call, phone, number, seconds, micros = line.split()
        steps[sip_call].setdefault(word, _time(seconds, micros))
        who[sip_call] = (phone, number)
    return [
        PhoneSaw(*who[call], at["ringing"], at.get("answered"), *_end(at, PHONES_END)) for call, at in steps.items()
    ]


def cdr_saw(text: str) -> list[CdrSaw]:
    """What cdr_custom wrote."""
    found = []
    for row in csv.DictReader(text.splitlines(), CDR_FIELDS):
        answered = float(row["answered"])
        found.append(
            CdrSaw(
                channel=row["channel"],
                sip_call=row["sip_call"],
                decision=row["decision"],
                phone=row["phone"].removeprefix("PJSIP/").rpartition("-")[0],
                application=row["application"],
                began=float(row["began"]),
                answered=answered if answered and row["disposition"] == "ANSWERED" else None,
                ended=float(row["ended"]),
            )
        )
    return found


def truths(
    callers: Sequence[CallerSaw], phones: Sequence[PhoneSaw], records: Sequence[CdrSaw]
) -> tuple[list[Truth], list[str]]:
    """What is true of every call, and where the witnesses do not agree or somebody was hung up by nobody."""
    by_call: dict[str, list[CdrSaw]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.began):
        by_call[record.sip_call].append(record)
    rang: dict[str, list[PhoneSaw]] = defaultdict(list)
    for leg in sorted(phones, key=lambda leg: leg.rang):
        rang[leg.number].append(leg)
    found, quarrels = [], []
    for caller in callers:
        if not (own := by_call.get(caller.sip_call)):
            quarrels.append(f"{caller.number} at {caller.invited:.3f}: no CDR")
        elif caller.over is None:
            quarrels.append(f"{own[0].channel}: the end of it was not seen by its caller")
        else:
            legs = [leg for leg in rang[caller.number] if caller.invited <= leg.rang <= caller.over + AT_ONCE_S]
            truth = _truth(caller, legs, own)
            found.append(truth)
            quarrels += [f"{truth.call}: {what}" for what in _quarrels(caller, legs, own, truth)]
    return found, quarrels


def _truth(caller: CallerSaw, legs: Sequence[PhoneSaw], own: Sequence[CdrSaw]) -> Truth:
    assert caller.over is not None
    leg = min((leg for leg in legs if leg.answered is not None), key=lambda leg: leg.answered or 0.0, default=None)
    given_up = caller.how == "gaveup" or (caller.answered is not None and caller.over - caller.answered < AT_ONCE_S)
    return Truth(
        call=own[0].channel,
        number=caller.number,
        began=caller.invited,
        ended=caller.over,
        queued=any(record.application in {"Queue", "Dial"} for record in own),
        answered=caller.answered,
        phone=leg.phone if leg is not None else "",
        disputed=given_up and leg is not None,
        decision=next((record.decision for record in own if record.decision), ""),
    )


def _quarrels(caller: CallerSaw, legs: Sequence[PhoneSaw], own: Sequence[CdrSaw], truth: Truth) -> Iterable[str]:
    """Where caller, phones and CDR say different things of one call."""
    if truth.disputed:
        return
    answers = [record for record in own if record.answered is not None]
    if bool(answers) != (truth.answered is not None):
        yield f"its caller was {'' if truth.answered else 'not '}answered, which the CDR denies"
    elif truth.answered is not None:
        if answers[0].phone != truth.phone:
            yield f"{truth.phone or 'no phone'} answered it, and {answers[0].phone} by the CDR"
        if abs((answers[0].answered or 0.0) - truth.answered) > AGREE_S:
            yield f"answered at {truth.answered:.3f}, and at {answers[0].answered:.3f} by the CDR"
    if abs(max(record.ended for record in own) - truth.ended) > AGREE_S:
        yield f"over at {truth.ended:.3f}, and at {own[-1].ended:.3f} by the CDR"
    if caller.how == "refused" or (caller.how == "ended" and not any(leg.how == "hungup" for leg in legs)):
        yield "its caller was hung up, and by no operator"


def _end(at: dict[str, float], words: set[str]) -> tuple[float | None, str]:
    """When it ended and how, by the first of these words; giving up too late is hanging up."""
    ends = {word: when for word, when in at.items() if word in words}
    if "answered" in at:
        ends.pop("gaveup", None)
    if not ends:
        return None, ""
    word = min(ends, key=lambda word: ends[word])
    return ends[word], word


def _time(seconds: str, micros: str) -> float:
    return float(seconds) + float(micros) / 1e6
