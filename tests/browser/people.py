"""Invented people and their calls, in the shape in which the bridge says them to a page."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from cti_bridge.domain.customer import SHIPPED_STAGES

Json = dict[str, Any]

STAGES = [
    {"id": stage.id, "name": stage.name, "order": stage.order, "final": stage.final} for stage in SHIPPED_STAGES.stages
]
_STAGE_NAMES = {stage["id"]: stage["name"] for stage in STAGES}
TEAM = [
    {"operator": operator, "name": name, "ringing_queue": queue, "state": state}
    for operator, name, queue, state in (
        ("op1", "Елена Крылова", None, "idle"),
        ("op2", "Тимур Ахметов", None, "talking"),
        ("op3", "Ольга Ланская", None, "idle"),
        ("op4", "Артём Юдин", None, "talking"),
        ("op5", "Зоя Цветкова", "production", "ringing"),
        ("op6", "Денис Рябинин", None, "idle"),
    )
]
ELSEWHERE = {"operator": "op4", "name": "Артём Юдин"}
_numbers = count(11)
ahead = timedelta()
"""By so much the clock of these people and of their bridge is ahead of ours."""


def now() -> datetime:
    """What their clock shows."""
    return datetime.now(UTC) + ahead


def moment(**back: float) -> str:
    """The moment so long ago."""
    return (now() - timedelta(**back)).isoformat(timespec="milliseconds")


def customer(**more: Any) -> Json:
    """Мария Соколова, or whom `more` makes of her."""
    return {
        "id": "k-01",
        "name": "Мария Соколова",
        "numbers": ["+74950000150"],
        "email": "sokolova@example.com",
        "city": "Калуга",
        "timezone": "Europe/Moscow",
        "segment": "vip",
        "preferred_channel": "phone",
        "responsible": {"crm_user": "op3", "name": "Ольга Ланская"},
    } | more


def deal(**more: Any) -> Json:
    """Her kitchen, waiting to be paid for, or what `more` makes of it."""
    made = {
        "id": "s-01",
        "title": "Кухня «Лён», 4,2 м",
        "stage": "awaiting_payment",
        "amount": 186400,
        "currency": "RUB",
        "changed_at": moment(days=3),
        "responsible": "Ольга Ланская",
        "open": True,
        "main": True,
    } | more
    return {"stage_name": _STAGE_NAMES.get(made["stage"], made["stage"])} | made


def call(**more: Any) -> Json:
    """Her call, ringing at op3 for six seconds, or what `more` makes of it."""
    return {
        "id": f"main-1795288011.{next(_numbers)}",
        "direction": "inbound",
        "state": "ringing",
        "my_role": "ringing",
        "queue": "sales",
        "class": "sales",
        "rule": "sales",
        "decision": "matched",
        "why": because({"deal.stage": "awaiting_payment"}),
        "crm": {"source": "fresh", "age_s": 0.0},
        "caller": caller(),
        "did": "+74950000149",
        "line": {
            "did": "+74950000149",
            "name": "search-kaluga",
            "channel": "Реклама в поиске",
            "city": "Калуга",
            "direction": "кухни",
            "zone": "",
            "language": "ru",
        },
        "customer": customer(),
        "chosen": False,
        "candidates": [],
        "deals": [deal(), old_deal()],
        "notes": notes(),
        "history": history(),
        "extras": "ready",
        "offered_at": moment(seconds=9),
        "rang_at": moment(seconds=6),
        "answered_at": None,
        "ended_at": None,
        "expires_at": moment(seconds=-300),
    } | more


def because(facts: Json, **operators: str) -> Json:
    """Why a call is here: the facts that decided, and what became of the operators who were wanted first, by name."""
    return {
        "reason": [{"fact": fact, "value": value} for fact, value in facts.items()],
        "operators": [{"name": name, "state": state} for name, state in operators.items()],
    }


def caller(number: str = "+74950000150", **more: Any) -> Json:
    """Who the network says is calling."""
    shown = f"+7 {number[2:5]} {number[5:8]}-{number[8:10]}-{number[10:]}"
    return {"number": number, "display": shown, "kind": "external", "name": "", "verified": True} | more


def unknown_call(**more: Any) -> Json:
    """A number that nobody knows, for the first consultation."""
    return call(
        **{
            "queue": "primary-consult",
            "class": "new",
            "rule": "default",
            "decision": "default",
            "why": because({}),
            "crm": {"source": "none", "age_s": None},
            "caller": caller("+74950000217", name="SMIRNOV A", verified=False),
            "customer": None,
            "deals": [],
            "notes": [],
            "history": [],
        }
        | more
    )


def ambiguous_call(**more: Any) -> Json:
    """A number that three customers share."""
    workshop = customer(
        id="k-05", name="Мастерская «Еловый бор»", segment="", responsible={"crm_user": "op5", "name": "Зоя Цветкова"}
    )
    daughter = customer(id="k-06", name="Ксения Полозова", segment="", city="Тула", responsible=None)
    return call(
        **{
            "caller": caller("+74950000204"),
            "queue": "production",
            "class": "production",
            "rule": "production",
            "why": because({"deal.stage": "delivery"}),
            "customer": None,
            "deals": [],
            "candidates": [
                {"customer": customer(id="k-04", name="Инна Полозова", segment=""), "deals": [
                    deal(id="s-04", title="Детская комната", stage="offer_sent", amount=175000, main=False)]},
                {"customer": workshop, "deals": [
                    deal(id="s-05", title="Стеллажи для склада", stage="delivery", amount=330000),
                    deal(id="s-15", title="Верстак", stage="closed", amount=48000, open=False, main=False)]},
                {"customer": daughter, "deals": []},
            ],
            "notes": [],
            "history": [],
        }
        | more
    )  # fmt: skip


def production_call(**more: Any) -> Json:
    """A customer whose wardrobe is being made."""
    khasanov = customer(
        id="k-52",
        name="Ильдар Хасанов",
        numbers=["+74950000152"],
        city="Казань",
        segment="",
        email="hasanov@example.com",
        preferred_channel="messenger",
        responsible={"crm_user": "op5", "name": "Зоя Цветкова"},
    )
    wardrobe = deal(
        id="s-52", title="Гардеробная под лестницей", stage="in_production", amount=412000, changed_at=moment(days=12),
        responsible="Зоя Цветкова",
    )  # fmt: skip
    return call(
        **{
            "caller": caller("+74950000152"),
            "queue": "production",
            "class": "production",
            "rule": "production",
            "why": because({"deal.stage": "in_production"}),
            "line": None,
            "customer": khasanov,
            "deals": [wardrobe],
            "notes": [{"at": moment(days=5), "author": "Зоя Цветкова", "text": "Фасады в покраске до конца недели."}],
            "history": history("production", "Зоя Цветкова", ("in_production",) * 3),
        }
        | more
    )


def old_deal() -> Json:
    """What she bought before."""
    return deal(
        id="s-02",
        title="Шкаф в прихожую",
        stage="closed",
        amount=54000,
        changed_at=moment(days=250),
        open=False,
        main=False,
    )


def notes() -> list[Json]:
    """What was written down about her."""
    return [
        {"at": moment(days=2), "author": "Ольга Ланская",
         "text": "Просит рассрочку на два платежа. Муж против глянца, показать матовые фасады."},
        {"at": moment(days=9), "author": "Елена Крылова", "text": "Новая заявка с сайта: кухня 4 м, бюджет до 200."},
    ]  # fmt: skip


def history(
    queue: str = "sales",
    operator: str = "Ольга Ланская",
    stages: tuple[str, str, str] = ("awaiting_payment", "offer_sent", "offer_preparing"),
) -> list[Json]:
    """Her earlier calls, and the stages that her deal had then."""
    now_, before, first = ({"stage": stage, "stage_name": _STAGE_NAMES[stage]} for stage in stages)
    return [
        {"at": moment(days=1, hours=2), "direction": "inbound", "outcome": "answered", "queue": queue,
         "operator": operator, "wait_s": 9.0, "talk_s": 252.0} | now_,
        {"at": moment(days=4), "direction": "inbound", "outcome": "abandoned", "queue": queue, "operator": None,
         "wait_s": 94.0, "talk_s": None} | before,
        {"at": moment(days=9, hours=1), "direction": "inbound", "outcome": "answered", "queue": "primary-consult",
         "operator": "Елена Крылова", "wait_s": 12.0, "talk_s": 465.0} | first,
    ]  # fmt: skip
