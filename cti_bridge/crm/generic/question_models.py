"""What the settings can ask and tell the generic CRM, each a request with the expressions that read its answer."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from cti_bridge.crm.generic import placeholders
from cti_bridge.crm.generic.request_model import RequestModel, Status, Text
from cti_bridge.settings_model import Inside, StrictModel


class CustomerFields(StrictModel):
    """Where a customer of the answer has what."""

    id: Text
    name: Text
    numbers: Text | None = None
    email: Text | None = None
    city: Text | None = None
    timezone: Text | None = None
    segment: Text | None = None
    preferred_channel: Text | None = None
    responsible: Text | None = None
    last_contact_at: Text | None = None
    deal_ids: Text | None = None


class DealFields(StrictModel):
    """Where a deal of the answer has what."""

    id: Text
    stage: Text
    title: Text | None = None
    amount: Text | None = None
    responsible: Text | None = None
    changed_at: Text | None = None


class StageFields(StrictModel):
    """Where a stage of the answer has what."""

    id: Text
    name: Text | None = None
    order: Text | None = None
    final: Text | None = None


class NoteFields(StrictModel):
    """Where a note of the answer has what."""

    at: Text
    text: Text
    author: Text | None = None


class FindModel(RequestModel):
    """Who has a number? Asked once for each of `spellings`, if there are any."""

    knows = placeholders.NUMBER
    spellings: tuple[Literal["e164", "digits", "national10", "national", "display"], ...] = Field(
        default=(), max_length=4
    )
    nobody: tuple[Status, ...] = ()
    customers: Text
    customer: CustomerFields
    deals: Text | None = None
    deal: DealFields | None = None

    @model_validator(mode="after")
    def _fits(self) -> "FindModel":
        if (self.deals is None) != (self.deal is None):
            raise Inside(("deals" if self.deal is None else "deal",), "deals and deal belong together")
        named = self.compiled("find").names
        if not named & placeholders.NUMBER:
            raise ValueError("the request does not name the number: put {e164} into it")
        if ("number" in named) != bool(self.spellings):
            raise Inside(("spellings",) if self.spellings else (), "{number} and spellings belong together")
        if self.customer.numbers is None and {*named, *self.spellings} & placeholders.NATIONAL:
            raise Inside(("customer",), "a national number is somebody else's abroad: say here where his numbers are")
        return self


class DealsModel(RequestModel):
    """The deals of one customer, where they are not in the answer of `find`."""

    knows = placeholders.OF_DEALS
    nobody: tuple[Status, ...] = ()
    deals: Text
    deal: DealFields


class StageListModel(RequestModel):
    """The stages that a deal can be in."""

    stages: Text
    stage: StageFields


class NotesModel(RequestModel):
    """The notes on one customer."""

    knows = placeholders.OF_NOTES
    nobody: tuple[Status, ...] = ()
    notes: Text
    note: NoteFields


class CreateModel(RequestModel):
    """Somebody new; `id` finds his id in the answer."""

    knows = placeholders.OF_CREATE
    id: Text


class UpdateModel(RequestModel):
    """Changes of a customer."""

    knows = placeholders.OF_UPDATE


class AddNoteModel(RequestModel):
    """A note on a customer."""

    knows = placeholders.OF_NOTE
    also_done: tuple[Status, ...] = ()


class MomentModel(RequestModel):
    """One moment of a call; `id` finds the CRM's id of the call in the answer."""

    knows = placeholders.OF_REPORT
    also_done: tuple[Status, ...] = ()
    id: Text | None = None


class ReportModel(StrictModel):
    """What the CRM is told of calls, and whether also of those of strangers."""

    started: MomentModel | None = None
    answered: MomentModel | None = None
    ended: MomentModel | None = None
    updated: MomentModel | None = None
    strangers: bool = False
    words: Mapping[Literal["direction", "moment", "outcome"], Mapping[str, str]] = Field(default_factory=dict)

    @field_validator("words")
    @classmethod
    def _ours(cls, value: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
        for name, words in value.items():
            known = placeholders.WORDED[name]
            for ours in words:
                if ours not in known:
                    raise Inside((name, ours), f"there is no such {name}; there are {', '.join(sorted(known))}")
        return value

    @property
    def first(self) -> MomentModel | None:
        """The request that a call begins with in this CRM."""
        return self.started or self.ended

    @property
    def given(self) -> dict[str, MomentModel]:
        """The moments that it is told of."""
        moments = {name: getattr(self, name) for name in ("started", "answered", "ended", "updated")}
        return {name: moment for name, moment in moments.items() if moment is not None}

    @property
    def names(self) -> frozenset[str]:
        """All placeholders in all moments."""
        return frozenset[str]().union(*(moment.compiled(name).names for name, moment in self.given.items()))

    @model_validator(mode="after")
    def _ids(self) -> "ReportModel":
        given = self.given
        if not given:
            raise ValueError("tell it of one moment at least: started, answered, ended or updated")
        for name, moment in given.items():
            if moment.id is not None and moment is not self.first:
                where = "started" if self.started else "ended"
                raise Inside((name, "id"), f"id belongs to {where}, where the call is made")
            if placeholders.CRM_CALL not in moment.compiled(name).names:
                continue
            if moment is self.first or self.first is None or self.first.id is None:
                raise Inside((name,), f"{{crm_call}} in {name} needs an id in started, or in ended without one")
        return self
