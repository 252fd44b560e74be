"""The states of Tryton's opportunities and sales as one funnel, from the first lead to the delivered sale. Pure.

An opportunity that was converted goes on as a sale; when that is confirmed, Tryton calls the opportunity won, though
the customer's goods are only now being made. So the sale's state says how far the deal is, once there is one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cti_bridge.domain.customer import SHIPPED_STAGES, Stage, StageList

SALE_STATE = "sale."
"""What stands before the states of a sale, which are not those of an opportunity."""

FUNNEL = (
    "lead", "opportunity", "converted",
    "sale.draft", "sale.quotation", "sale.confirmed", "sale.processing", "won", "sale.done",
    "lost", "cancelled", "sale.cancelled",
)  # fmt: skip
"""All states of Tryton in the order of a deal."""
_OVER = frozenset({"won", "lost", "cancelled", "sale.done", "sale.cancelled"})
_GOES_ON_AS_SALE = frozenset({"converted", "won"})
_STEP = 10
_BEFORE_THE_END = 75
"""Where states stand that a module of somebody's own has added: open, behind all that Tryton has."""

STAGE_OF: Mapping[str, str] = {
    "lead": "lead",
    "opportunity": "offer_preparing",
    "converted": "offer_preparing",
    "won": "closed",
    "lost": "lost",
    "cancelled": "lost",
    "sale.draft": "offer_preparing",
    "sale.quotation": "offer_sent",
    "sale.confirmed": "paid",
    "sale.processing": "in_production",
    "sale.done": "closed",
    "sale.cancelled": "lost",
}
"""What each state means unless the settings say otherwise: the stages of the shipped rules, and `lead` before them."""


@dataclass(frozen=True, slots=True)
class Funnel:
    """What the states mean: `stage_of` each state its stage, for all that are not named their own name."""

    stage_of: Mapping[str, str]

    def stage(self, state: str) -> str:
        """The stage that a state means."""
        return self.stage_of.get(state, state)

    def state_of(self, opportunity: str, sales: Iterable[str]) -> str:
        """How far a deal is: the opportunity's state, or that of the sale that still goes on and has come furthest."""
        if opportunity not in _GOES_ON_AS_SALE:
            return opportunity
        named = [SALE_STATE + sale for sale in sales]
        return max(named, key=_furthest) if named else opportunity

    def stages(self, opportunity: Mapping[str, str], sale: Mapping[str, str]) -> StageList:
        """The stages in order, from the states and names that the server gives for both.

        A stage that several states mean has the name of the first, and is over when all of them are. Behind them come
        the stages of the shipped list that no state means, if some do: rules may name them, as the shipped ones do.
        """
        named = {**opportunity, **{SALE_STATE + state: name for state, name in sale.items()}}
        stages: dict[str, Stage] = {}
        for state in sorted(named, key=_order):
            id_, final = self.stage(state), state in _OVER
            known = stages.get(id_)
            if known is None:
                stages[id_] = Stage(id_, named[state] or id_, _order(state), final)
            elif known.final and not final:
                stages[id_] = Stage(id_, known.name, known.order, False)
        shipped = {stage.id: stage for stage in SHIPPED_STAGES.stages}
        unused = [shipped[id_] for id_ in shipped if id_ not in stages] if shipped.keys() & stages.keys() else []
        return StageList((*stages.values(), *unused))


def _order(state: str) -> int:
    return FUNNEL.index(state) * _STEP if state in FUNNEL else _BEFORE_THE_END


def _furthest(state: str) -> tuple[bool, int]:
    """Sorts what goes on behind what is over, and a sale that was delivered behind one that was cancelled."""
    over = state in _OVER
    return not over, -_order(state) if over else _order(state)
