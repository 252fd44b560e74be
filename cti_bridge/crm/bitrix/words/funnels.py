"""Bitrix24's words for the funnels of its deals and their stages. Pure."""

from collections.abc import Mapping
from typing import Any

from cti_bridge.crm.bitrix.words.plain import DEAL, PAGE, Command, entries, whole
from cti_bridge.crm.received import text_of
from cti_bridge.domain.customer import Stage

_FINAL = frozenset({"S", "F", "success", "failure", "apology"})


def funnels() -> Command:
    """Ask which funnels there are for deals."""
    return Command("crm.category.list", {"entityTypeId": DEAL})


def stages_of(answer: Any) -> dict[str, Command]:
    """Ask for the stages of each funnel, in the order of the funnels; the first one's are listed under another name."""
    listed = answer.get("categories") if isinstance(answer, dict) else None
    funnels_ = [one for one in entries(listed) if isinstance(one, dict) and one.get("id") is not None]
    funnels_.sort(key=lambda one: (whole(one.get("sort")), whole(one.get("id"))))
    return {
        f"funnel_{whole(one.get('id'))}": Command(
            "crm.status.list", {"filter": {"ENTITY_ID": _stage_list(whole(one.get("id")))}, "order": {"SORT": "ASC"}}
        )
        for one in funnels_[:PAGE]
    }


def stages(answers: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The stages of all funnels: those of a later funnel come after those of an earlier one."""
    told: dict[str, Stage] = {}
    for place, answer in enumerate(answers.values()):
        for entry in entries(answer):
            if isinstance(entry, dict) and (id_ := text_of(entry.get("STATUS_ID"))):
                final = _means(entry) in _FINAL
                order = place * 100_000 + min(whole(entry.get("SORT")), 99_999)
                told.setdefault(id_, Stage(id_, text_of(entry.get("NAME")) or id_, order, final))
    return tuple(sorted(told.values(), key=lambda stage: stage.order))


def _means(entry: Mapping[str, Any]) -> str:
    """What a stage means: won, lost or neither. Portals of one's own may say it in another place, and in words."""
    extra = entry.get("EXTRA")
    return text_of(entry.get("SEMANTICS")) or text_of(extra.get("SEMANTICS") if isinstance(extra, dict) else None)


def _stage_list(funnel: int) -> str:
    return f"DEAL_STAGE_{funnel}" if funnel else "DEAL_STAGE"
