"""`cti-bridge crm check`: what the CRM can do, each thing tried as far as that changes nothing in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter

from cti_bridge.cli.crm_asking import ask
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.port import Capability, Crm, CrmRefuses, CrmUnavailable, Probing, Unproven
from cti_bridge.domain.customer import CustomerRecord, StageList
from cti_bridge.domain.number import CallerNumber

_LIMIT_S = 30.0
"""A CRM in the cloud is asked a dozen times, and may want to be asked slowly."""
_SOME = 3
"""So many notes and calls are asked for; one would do."""

IN_WORDS: Mapping[Capability, str] = {
    Capability.DEALS: "deals of a customer",
    Capability.STAGES: "the stages of a deal",
    Capability.RESPONSIBLE: "who is responsible",
    Capability.NOTES: "notes, on the card",
    Capability.CALLS: "earlier calls, on the card",
    Capability.ADD_NOTE: "write a note",
    Capability.CREATE: "make a customer",
    Capability.UPDATE: "change a customer",
    Capability.CREATE_DEAL: "make a deal",
    Capability.REPORT_STARTED: "be told that a call comes",
    Capability.REPORT_ANSWERED: "be told that it is answered",
    Capability.REPORT_ENDED: "be told that it is over",
    Capability.REPORT_UPDATED: "be told what turns up later",
    Capability.REPORT_STRANGERS: "be told of strangers' calls",
}
_WOULD_WRITE = "not tried: that would write into it"
_READ_OF_SOMEBODY = (Capability.DEALS, Capability.RESPONSIBLE, Capability.NOTES, Capability.CALLS)


@dataclass(frozen=True, slots=True)
class Tried:
    """One thing that the CRM may be able to do: `yes`, `no` (it is not made for it) or `MISSING`, and a remark."""

    verdict: str
    what: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """The stages of the settings by the CRM's ids, and the CRM as it names them itself."""

    stages: StageList
    own: Crm


def run_check(crm: Crm, number: CallerNumber, *, somebodys: bool, listed: Listed | None = None) -> int:
    """Say what the CRM can do. 0: all that it is made for works, 1: something is missing, 2: it cannot be asked.

    `number` is looked up; with `somebodys` it is a customer's, who is then asked about. `listed`: the settings name
    stages, which are held against its own.
    """

    async def question() -> list[Tried]:
        try:
            return await _try_all(crm, number, somebodys=somebodys, listed=listed)
        finally:
            if listed is not None:
                await listed.own.close()

    tried = ask(crm, question, within_s=_LIMIT_S)
    if tried is None:
        return 2
    print(f"the CRM ({crm.kind}) answers")
    for one in tried:
        print(printable(f"{one.verdict:<7}  {one.what:<28}  {one.remark}".rstrip()))
    return 1 if any(one.verdict == "MISSING" for one in tried) else 0


async def _try_all(crm: Crm, number: CallerNumber, *, somebodys: bool, listed: Listed | None) -> list[Tried]:
    await crm.check()
    began = perf_counter()
    records = await crm.find(number)
    found = Tried("yes", "find a caller", f"{(perf_counter() - began) * 1000:.1f} ms")
    remarks: dict[Capability, str] = {}
    lacking: dict[Capability, str] = {}
    await _look(crm, records, remarks, lacking)
    if listed is not None:
        await _compare(listed, remarks, lacking)
    if somebodys and not records:
        remarks |= dict.fromkeys(_READ_OF_SOMEBODY, "not tried: nobody has this number")
    elif not somebodys:
        remarks |= dict.fromkeys(_READ_OF_SOMEBODY, "not tried: name a customer's number")
    if isinstance(crm, Probing):
        lacking |= await crm.lacking()
    else:
        writing = set(Capability) - {*_READ_OF_SOMEBODY, Capability.STAGES}
        remarks |= dict.fromkeys(writing, _WOULD_WRITE)
    if isinstance(crm, Unproven):
        remarks |= dict.fromkeys(crm.unproven, _WOULD_WRITE)
    return [found, *_verdicts(crm, remarks, lacking)]


async def _look(
    crm: Crm, records: tuple[CustomerRecord, ...], remarks: dict[Capability, str], lacking: dict[Capability, str]
) -> None:
    """Ask for what can be read."""
    try:
        stages = (await crm.stages()).stages
        remarks[Capability.STAGES] = ", ".join(stage.id for stage in stages)
    except (CrmUnavailable, CrmRefuses) as error:
        lacking[Capability.STAGES] = str(error)
    if not records:
        return
    customer = records[0].customer
    remarks[Capability.DEALS] = f"{sum(len(record.deals) for record in records)} found"
    remarks[Capability.RESPONSIBLE] = customer.responsible or "nobody"
    for capability, question in ((Capability.NOTES, crm.notes), (Capability.CALLS, crm.calls)):
        try:
            some = await question(customer.id, limit=_SOME)
            remarks[capability] = f"{len(some)} found"
        except (CrmUnavailable, CrmRefuses) as error:
            lacking[capability] = str(error)


async def _compare(listed: Listed, remarks: dict[Capability, str], lacking: dict[Capability, str]) -> None:
    """Whether the settings list stages that the CRM does not have, or leave some out: deals in those are not seen."""
    if Capability.STAGES not in listed.own.capabilities:
        return
    try:
        own = await listed.own.stages()
    except (CrmUnavailable, CrmRefuses) as error:
        lacking[Capability.STAGES] = str(error)
        return
    theirs, ours = ([stage.id for stage in one.stages] for one in (own, listed.stages))
    unknown = [stage for stage in ours if stage not in theirs]
    left_out = [stage for stage in theirs if stage not in ours]
    unseen = f"not in crm.stages, so deals there are not seen: {', '.join(left_out)}" if left_out else ""
    if unknown:
        said = f"in crm.stages, and not in the CRM: {', '.join(unknown)} (where that is meant: `in_crm: []`)"
        lacking[Capability.STAGES] = f"{said}; {unseen}" if unseen else said
    elif unseen:
        remarks[Capability.STAGES] = unseen


def _verdicts(crm: Crm, remarks: Mapping[Capability, str], lacking: Mapping[Capability, str]) -> Iterator[Tried]:
    for capability, what in IN_WORDS.items():
        if capability in crm.capabilities and capability in lacking:
            yield Tried("MISSING", what, lacking[capability])
        elif capability in crm.capabilities:
            yield Tried("yes", what, remarks.get(capability, ""))
        else:
            yield Tried("no", what)
