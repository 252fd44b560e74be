"""What the generic CRM is asked and told, compiled from the settings. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cti_bridge.crm.generic.expressions import Expression
from cti_bridge.crm.generic.placeholders import of_report
from cti_bridge.crm.generic.requests import Request
from cti_bridge.crm.generic.templates import Values
from cti_bridge.crm.generic.words import Reading, Translation
from cti_bridge.crm.port import MOMENTS, Capability
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.domain.call_report import CallMoment, CallReport


@dataclass(frozen=True, slots=True)
class FindPlan:
    """Who has a number; asked in each of `spellings`, or once without any. `deals`: of a customer in the answer."""

    request: Request
    spellings: tuple[str, ...]
    customers: Reading
    deals: Reading | None

    @property
    def tells_numbers(self) -> bool:
        """Whether the answer tells which numbers somebody has."""
        return "numbers" in self.customers.fields


@dataclass(frozen=True, slots=True)
class ListPlan:
    """A request whose answer has a list."""

    request: Request
    reading: Reading


@dataclass(frozen=True, slots=True)
class CreatePlan:
    """Somebody new, and where his id is in the answer."""

    request: Request
    id: Expression


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """What is told of calls; the answer to `first` has the CRM's id of the call where `id` looks."""

    moments: Mapping[CallMoment, Request]
    first: CallMoment | None
    id: Expression | None
    strangers: bool
    words: Mapping[str, Mapping[str, str]]
    recordings: RecordingLinks | None

    def values_of(self, report: CallReport, crm_call: str | None) -> Values:
        """What a moment of a call says in this CRM's words; `crm_call` is its own id of the call, where it is known."""
        return of_report(report, self.words, self.recordings, crm_call)


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it; what is None cannot be done. `error` finds something in an answer that says that it failed."""

    find: FindPlan
    deals: ListPlan | None
    stage_list: ListPlan | None
    notes: ListPlan | None
    create: CreatePlan | None
    update: Request | None
    add_note: Request | None
    report: ReportPlan | None
    check: Request | None
    error: Expression | None
    headers: Mapping[str, str] = field(repr=False)
    translation: Translation

    def capabilities(self, *, stages_are_known: bool) -> frozenset[Capability]:
        """What the CRM can do by this plan."""
        deals = self.find.deals or (self.deals.reading if self.deals else None)
        responsible = "responsible" in self.find.customers.fields or bool(deals and "responsible" in deals.fields)
        can = {
            Capability.DEALS: deals is not None,
            Capability.STAGES: stages_are_known or self.stage_list is not None,
            Capability.RESPONSIBLE: responsible,
            Capability.NOTES: self.notes is not None,
            Capability.ADD_NOTE: self.add_note is not None,
            Capability.CREATE: self.create is not None,
            Capability.UPDATE: self.update is not None,
            Capability.REPORT_STRANGERS: self.report is not None and self.report.strangers,
        }
        told = {MOMENTS[moment] for moment in (self.report.moments if self.report else ())}
        return frozenset({one for one, yes in can.items() if yes} | told)
