"""The settings of the generic CRM made into what it is asked and told, its templates and expressions compiled. Pure."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from cti_bridge.crm.generic.expressions import Expression
from cti_bridge.crm.generic.model import GenericModel
from cti_bridge.crm.generic.plan import CreatePlan, FindPlan, ListPlan, Plan, ReportPlan
from cti_bridge.crm.generic.question_models import ReportModel
from cti_bridge.crm.generic.words import Reading, Translation
from cti_bridge.crm.recording_links import RecordingLinks, RecordingsModel
from cti_bridge.domain.call_report import CallMoment
from cti_bridge.settings_model import StrictModel


def plan_of(model: GenericModel, region: str) -> Plan:
    """What the CRM is asked and told; numbers are read as in `region`."""
    find = model.find
    return Plan(
        find=FindPlan(
            find.compiled("find"),
            find.spellings,
            _reading("customers", find.customers, find.customer),
            _reading("deals", find.deals, find.deal) if find.deals and find.deal else None,
        ),
        deals=ListPlan(model.deals.compiled("deals"), _reading("deals", model.deals.deals, model.deals.deal))
        if model.deals
        else None,
        stage_list=ListPlan(
            model.stage_list.compiled("stage_list"), _reading("stages", model.stage_list.stages, model.stage_list.stage)
        )
        if model.stage_list
        else None,
        notes=ListPlan(model.notes.compiled("notes"), _reading("notes", model.notes.notes, model.notes.note))
        if model.notes
        else None,
        create=CreatePlan(model.create.compiled("create"), Expression(model.create.id)) if model.create else None,
        update=model.update.compiled("update") if model.update else None,
        add_note=model.add_note.compiled("add_note") if model.add_note else None,
        report=_report(model.report, model.recordings) if model.report else None,
        check=model.check.compiled("check") if model.check else None,
        error=Expression(model.error) if model.error else None,
        headers={**_accept(model.headers), **model.headers},
        translation=Translation(
            {str(name): theirs for name, theirs in model.values.items()},
            ZoneInfo(model.timezone),
            region,
            model.time_format,
        ),
    )


def _accept(given: Mapping[str, str]) -> dict[str, str]:
    return {} if "accept" in map(str.lower, given) else {"Accept": "application/json"}


def _report(model: ReportModel, recordings: RecordingsModel | None) -> ReportPlan:
    moments = {
        CallMoment.STARTED: model.started,
        CallMoment.ANSWERED: model.answered,
        CallMoment.ENDED: model.ended,
        CallMoment.UPDATED: model.updated,
    }
    first = model.first
    return ReportPlan(
        moments={moment: given.compiled(moment.value) for moment, given in moments.items() if given},
        first=(CallMoment.STARTED if model.started else CallMoment.ENDED) if first else None,
        id=Expression(first.id) if first and first.id else None,
        strangers=model.strangers,
        words={str(name): worded for name, worded in model.words.items()},
        recordings=RecordingLinks(recordings.url, recordings.folder) if recordings else None,
    )


def _reading(what: str, items: str, fields: StrictModel) -> Reading:
    given = fields.model_dump(exclude_none=True)
    return Reading(what, Expression(items), {name: Expression(text) for name, text in given.items()})
