"""The generic CRM's part of the settings, checked as a whole when it is read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from cti_bridge.crm.generic import placeholders
from cti_bridge.crm.generic.access_model import AuthModel, RateModel
from cti_bridge.crm.generic.question_models import (
    AddNoteModel,
    CreateModel,
    DealsModel,
    FindModel,
    NotesModel,
    ReportModel,
    StageListModel,
    UpdateModel,
)
from cti_bridge.crm.generic.request_model import RequestModel, Text, checked_headers
from cti_bridge.crm.recording_links import RecordingsModel
from cti_bridge.crm.web_client import check_base_url
from cti_bridge.settings_model import CrmPart, Inside, seconds

_DEAL_IDS = ("find", "customer", "deal_ids")
_SOME_TIME = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class GenericModel(CrmPart):
    """A CRM with an HTTP interface that the settings describe."""

    kind: Literal["generic"] = "generic"
    url: str = Field(repr=False)
    tls_ca: Path | None = None
    auth: AuthModel | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    timeout: float = 5.0
    rate: RateModel = RateModel()
    timezone: str = "UTC"
    time_format: str = Field(default="", max_length=100)
    values: Mapping[Literal["stage", "segment", "preferred_channel", "responsible", "city"], Mapping[str, str]] = Field(
        default_factory=dict
    )
    error: Text | None = None
    check: RequestModel | None = None
    find: FindModel
    deals: DealsModel | None = None
    stage_list: StageListModel | None = None
    notes: NotesModel | None = None
    create: CreateModel | None = None
    update: UpdateModel | None = None
    add_note: AddNoteModel | None = None
    report: ReportModel | None = None
    recordings: RecordingsModel | None = None

    @field_validator("url")
    @classmethod
    def _safe(cls, value: str) -> str:
        return check_base_url(value)

    @field_validator("headers")
    @classmethod
    def _fixed(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        return checked_headers(value)

    @field_validator("timeout", mode="before")
    @classmethod
    def _limit(cls, value: object) -> float:
        found = seconds(str(value))
        if not 0.1 <= found <= 10:  # for longer no report waits
            raise ValueError("must be from 100ms to 10s")
        return found

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("not a time zone such as Europe/Moscow") from None
        return value

    @field_validator("time_format")
    @classmethod
    def _times(cls, value: str) -> str:
        try:
            # Only whether the format can be read back is asked here: no zone is needed for that.
            read = datetime.strptime(_SOME_TIME.strftime(value), value) if value else _SOME_TIME  # noqa: DTZ007
        except ValueError:
            read = datetime.min  # noqa: DTZ901 - any other day
        if read.date() != _SOME_TIME.date():
            raise ValueError("not a format such as %d.%m.%Y %H:%M, with day, month and year")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "GenericModel":
        if self.deals is not None and self.find.deals is not None:
            raise Inside(("deals",), "the deals are either in the answer of find or have a request of their own, deals")
        if self.stage_list is not None and self.stages is not None:
            raise Inside(("stage_list",), "the stages are either listed in stages or asked for by stage_list")
        by_ids = self.deals is not None and placeholders.DEAL_IDS in self.deals.compiled("deals").names
        if by_ids != (self.find.customer.deal_ids is not None):
            raise Inside(
                ("deals",) if by_ids else _DEAL_IDS, "{deal_ids} in deals and deal_ids in find.customer belong together"
            )
        named = self.report.names if self.report else frozenset()
        if self.recordings is None and named & placeholders.RECORDING_URLS:
            raise Inside(
                ("report",), "{recording_url} needs recordings: {url: …}, the address at which they are published"
            )
        return self
