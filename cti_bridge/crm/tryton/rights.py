"""What the bridge's user may not do in Tryton, told before a call needs it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from cti_bridge.crm.port import MOMENTS, Capability
from cti_bridge.crm.tryton.words import ATTACHMENT, NOTE, OPPORTUNITY, PARTY

MODELS = (PARTY, OPPORTUNITY, NOTE, ATTACHMENT)
"""Whose rights are asked for."""

_AT_A_PARTY = ((PARTY, "write"),)
"""What hangs at a party is part of it: who may not change the party may not add to it."""
_A_CALL = ((ATTACHMENT, "create"), (ATTACHMENT, "write"))
_NEEDED: Mapping[Capability, Sequence[tuple[str, str]]] = {
    Capability.CREATE: ((PARTY, "create"), (OPPORTUNITY, "create")),
    Capability.CREATE_DEAL: ((OPPORTUNITY, "create"),),
    Capability.UPDATE: ((PARTY, "write"), (OPPORTUNITY, "write")),
    Capability.NOTES: ((NOTE, "read"),),
    Capability.ADD_NOTE: (*_AT_A_PARTY, (NOTE, "create")),
    Capability.REPORT_STRANGERS: ((OPPORTUNITY, "create"), (OPPORTUNITY, "write"), *_A_CALL),
    **dict.fromkeys(MOMENTS.values(), (*_AT_A_PARTY, *_A_CALL)),
}


def lacking(
    access: Mapping[str, Mapping[str, Any]], *, anybody_responsible: bool, missed_notes: bool
) -> dict[Capability, str]:
    """What does not work with these rights, each with the reason; `access` is Tryton's own answer, model by model.

    `anybody_responsible`: there are users who are employees. `missed_notes`: calls in vain become notes as well.
    """
    found = {}
    for capability, needed in _NEEDED.items():
        note = ((NOTE, "create"),) if missed_notes and capability is Capability.REPORT_ENDED else ()
        missing = [f"{right} {model}" for model, right in (*needed, *note) if not access[model][right]]
        if missing:
            found[capability] = f"the user has no right to {', '.join(missing)} in Tryton"
    if not anybody_responsible:
        found[Capability.RESPONSIBLE] = "no user in Tryton is an employee, so nobody responsible is known by a login"
    return found
