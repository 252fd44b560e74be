"""The calls that the stage says have the shape of the real ones, and the built page is small."""

import gzip
from datetime import UTC, datetime
from typing import Any

from browser.people import ambiguous_call, call
from browser.stage import Stage
from cti_bridge.calls.call import Call
from cti_bridge.calls.leg import Leg
from cti_bridge.calls.pops import Part
from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal, Note
from cti_bridge.domain.ids import CallId, ChannelId, CustomerId, DealId, OperatorId
from cti_bridge.domain.line import Line
from cti_bridge.domain.number import parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import operator_view
from cti_bridge.reception.card import Card, PastCall, encode_call, show
from cti_bridge.reception.why import Why
from cti_bridge.routing.deciding import DecidingFact
from cti_bridge.web.pages import STATIC

LARGEST_KB = 150.0


def shape(value: Any) -> Any:
    """The keys of a message, through lists and nested objects; what may be null has no shape of its own."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if isinstance(inner, dict | list)} | {
            "keys": sorted(value)
        }
    if isinstance(value, list):
        return shape(value[0]) if value else "empty"
    return None


async def test_what_the_stage_says_is_what_the_bridge_says() -> None:
    customer = Customer(CustomerId("k-01"), "Мария Соколова", ("+74950000150",), responsible="op3")
    record = CustomerRecord(customer, (Deal(DealId("s-01"), "Кухня", "awaiting_payment", responsible="op3"),))
    operator = Operator(OperatorId("op3"), "Ольга Ланская", ("PJSIP/103",), crm_user="op3")
    live = Call(CallId("main-1.1"), ChannelId("1.1"), "1.1", 1.0, queue="sales",
                legs=(Leg(ChannelId("1.2"), "PJSIP/103-1", "PJSIP/103", "sales", 2.0),))  # fmt: skip
    number = parse_number("+74950000150", region="RU")
    notes = (Note(datetime.now(UTC), "op3", "Просит рассрочку."),)
    past = (PastCall(1.0, "inbound", "answered", "sales", "op3", 1.0, 2.0),)
    line = Line("+74950000149", "search-kaluga")
    why = Why((DecidingFact("deal.stage", "awaiting_payment"),))
    card = Card(
        number,
        decision="matched",
        why=why,
        line=line,
        record=record,
        deal_id=DealId("s-01"),
        notes=notes,
        history=past,
        extras="ready",
    )
    several = Card(number, decision="matched", why=why, line=line, candidates=(record,), extras="ready")
    for ours, theirs in ((card, call()), (several, ambiguous_call())):
        real = encode_call(live, show(ours, SHIPPED_STAGES, Directory.of([operator])), Part.RINGING)
        assert shape(theirs) == shape(real)
    assert shape(Stage().operator) == shape(operator_view(operator))


def test_the_built_page_is_small() -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".html", ".js", ".css"}, "the page is not built: make ui"
    kilobytes = sum(len(gzip.compress(path.read_bytes(), 6)) for path in files) / 1000
    assert kilobytes <= LARGEST_KB
