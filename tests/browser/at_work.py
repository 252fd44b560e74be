"""The desk of invented people, in the shape in which the bridge says it: states, what is written down, what waits."""

from typing import Any

from browser.people import TEAM, Json, moment, now
from cti_bridge.operators.desk_settings import DeskSettings

SHIPPED = DeskSettings()


def desk(required: tuple[str, ...] = (), **more: Any) -> Json:
    """How operators work here, with the shipped states and outcomes."""
    return {
        "states": [
            {"id": state.id, "name": dict(state.names), "kind": state.kind.value, "colour": state.colour.value}
            for state in SHIPPED.states
        ],
        "outcomes": [{"id": one.id, "name": dict(one.names), "needs": sorted(one.needs)} for one in SHIPPED.outcomes],
        "required": list(required),
        "create_deal": False,
        "crm": {"update": True, "create": True, "note": True, "deal": True},
        "dial": True,
    } | more


def state(id_: str = "ready", **more: Any) -> Json:
    """An operator's own state, confirmed by Asterisk, for some minutes; or what `more` makes of it."""
    definition = SHIPPED.state(id_)
    assert definition is not None
    paused = definition.kind.value not in ("ready", "last")
    return {
        "state": id_,
        "kind": definition.kind.value,
        "since": moment(minutes=12, seconds=41),
        "until": None,
        "overdue": False,
        "confirmed": True,
        "next": None,
        "by": None,
        "why": "asked",
        "call": None,
        "missing": [],
        "unreachable": False,
        "elsewhere": None,
        "queues": [
            {"queue": queue, "paused": paused, "reason": id_ if paused else "", "penalty": 0}
            for queue in ("sales", "production")
        ],
    } | more


def wrap_up(call: str, *, left_s: float = 48, missing: tuple[str, ...] = (), **more: Any) -> Json:
    """The wrap-up of a call that has just ended."""
    return state(
        "wrap_up",
        **{"since": moment(seconds=60 - left_s), "until": moment(seconds=-left_s), "why": "call", "call": call}
        | {"missing": list(missing), "overdue": left_s < 0}
        | more,
    )


def after(call: str, **more: Any) -> Json:
    """What was written down of a call: nothing yet, or what `more` says."""
    return {
        "call": call,
        "outcome": None,
        "note": "",
        "feedback": {"score": None, "text": ""},
        "next_step": None,
        "saved_at": moment(),
        "missing": [],
    } | more


def item(id_: str, kind: str = "missed", **more: Any) -> Json:
    """Something to be done: a missed call, or what `more` makes of it."""
    return {
        "id": id_,
        "kind": kind,
        "number": "+74950000217",
        "display": "+7 495 000-02-17",
        "name": "",
        "text": "",
        "due_at": None,
        "since": moment(minutes=18),
        "colour": "amber",
        "taken_by": None,
        "calls": 1,
        "queue": "sales",
        "call": None,
        "promised": False,
    } | more


def work() -> Json:
    """A morning's list: one of each kind and colour, free, taken by others and by oneself."""
    today = now().replace(hour=12, minute=30, second=0, microsecond=0).isoformat()
    return {
        "items": [
            item("missed:a", name="Артём Лугов", number="+74950000161", display="+7 495 000-01-61", calls=2,
                 colour="red", since=moment(hours=2)),
            item("step:1", "callback", name="ООО «Кедровый берег»", number="+74950000162", display="+7 495 000-01-62",
                 text="Обещан расчёт по фасадам", due_at=today, queue=None,
                 taken_by={"operator": "op3", "name": "Ольга Ланская"}),
            item("missed:b", taken_by={"operator": "op2", "name": "Тимур Ахметов"}),
            item("step:2", "task", number="", display="", name="Инна Полозова", text="Отправить эскиз детской",
                 due_at=moment(days=-2), queue=None, colour="green"),
        ],
        "more": False,
    }  # fmt: skip


def team() -> list[Json]:
    """The colleagues, each in a state."""
    states = {"op1": "ready", "op2": "ready", "op3": "ready", "op4": "wrap_up", "op5": "paperwork", "op6": "lunch"}
    minutes = {"op1": 7, "op2": 21, "op3": 12, "op4": 2, "op5": 31, "op6": 24}
    listed = []
    for mate in TEAM:
        operator = str(mate["operator"])
        definition = SHIPPED.state(states[operator])
        assert definition is not None
        since = moment(minutes=minutes[operator], seconds=14)
        listed.append(
            mate
            | {
                "desk_state": {
                    "state": definition.id,
                    "kind": definition.kind.value,
                    "colour": definition.colour.value,
                    "since": since,
                    "unreachable": False,
                }
            }
        )
    return listed
