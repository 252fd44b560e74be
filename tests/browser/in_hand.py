"""What the bridge says of a call in hand beside the card: what can be done with it, who is asked, what was written."""

from typing import Any

from cti_bridge.desk.calls.call_actions import ACTIONS

Json = dict[str, Any]

TALKING = {"hold": None, "resume": "not_held", "consult": None, "consult_cancel": "asks_nobody",
           "complete": "asks_nobody", "transfer": None, "hangup": None}  # fmt: skip
HELD = TALKING | {"hold": "held", "resume": None, "hangup": "held"}
ASKED = dict.fromkeys(ACTIONS, "asking") | {"consult_cancel": None, "complete": "colleague_rings"}
ASKS = ASKED | {"complete": None}
TIMUR = {"kind": "operator", "id": "op2", "name": "Тимур Ахметов"}


def in_hand(call: Json) -> Json:
    """The call with all that the desk adds to it, as it follows from its state; what it says itself stays."""
    return {
        "actions": _actions(call),
        "held_by": "desk" if call["state"] == "held" else None,
        "consult": None,
        "consult_failed": None,
        "transfer": None,
        "edits": [],
        "chosen": False,
    } | call


def _actions(call: Json) -> Json:
    if call["state"] == "ended" or call["my_role"] == "none":
        return dict.fromkeys(ACTIONS, "not_yours")
    if call["my_role"] != "talking":
        why = "ringing" if call["my_role"] == "ringing" else "consulting"
        return dict.fromkeys(ACTIONS, why) | {"hangup": None}
    if (call.get("transfer") or {}).get("state") == "ringing":
        return dict.fromkeys(ACTIONS, "transferring")
    if consult := call.get("consult"):
        return dict(ASKS if consult["state"] == "talking" else ASKED)
    return dict(HELD if call["state"] == "held" else TALKING)


def edit(state: str, changes: Json, **more: Any) -> Json:
    """Something written about the customer, and what became of it."""
    return {"id": "e-1", "kind": "update", "state": state, "changes": changes, "theirs": {}, "reason": ""} | more


def targets() -> Json:
    """Whom a call can be handed to."""
    colleagues = (
        ("op1", "Елена Крылова", "101", "idle"),
        ("op2", "Тимур Ахметов", "102", "idle"),
        ("op4", "Артём Юдин", "104", "talking"),
        ("op5", "Зоя Цветкова", "105", "ringing"),
        ("op6", "Денис Рябинин", "106", "away"),
    )
    return {
        "operators": [
            {"operator": id_, "name": name, "phones": [f"PJSIP/{phone}"], "state": state, "free": state == "idle"}
            for id_, name, phone, state in colleagues
        ],
        "queues": [
            {"queue": "primary-consult", "free": 1, "waiting": 0},
            {"queue": "sales", "free": 2, "waiting": 1},
            {"queue": "production", "free": 0, "waiting": 3},
        ],
        "numbers": True,
    }
