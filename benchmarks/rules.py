"""The decision alone, without CRM and network, under a thousand rules of which only the last one matches."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from benchmarks.figures import Row, percentile
from cti_bridge.cli.run import GC_THRESHOLDS
from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal
from cti_bridge.domain.decision import CrmAnswer, CrmSource
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.decide import decide
from cti_bridge.routing.facts import CallFacts, gather
from cti_bridge.routing.load import load_rules

MAPS, EXPRESSIONS, SCHEDULES = 900, 100, 50
DECISIONS, WARM_UP = 2_000, 100
LIMIT_MS = 3.0
HEAD = """\
version: 1
region: RU
classes:
  - {name: sales, when: {deal.stage: [offer_preparing, offer_sent, awaiting_payment]}}
  - {name: new}
queues:
  primary-consult: {timeout: 120s}
  sales: {timeout: 60s}
default: {queue: primary-consult}
"""
EXCEPTIONS = 10
"""Days with other hours in each schedule."""
_SUNDAY = datetime(2026, 11, 22, 11, tzinfo=UTC)
"""When the call arrives: every schedule is closed."""
_DEAL = Deal(DealId("d1"), "Шкаф-купе в прихожую", "offer_sent", Decimal(148_000), "op1", datetime.now(UTC))
_RECORD = CustomerRecord(Customer(CustomerId("c1"), "Ласточкина Ия", city="Тверь", segment="retail"), (_DEAL,))


async def rows() -> list[Row]:
    """Measure and return the row."""
    with collected_as_in_the_daemon():
        return _measured()


@contextmanager
def collected_as_in_the_daemon() -> Iterator[None]:
    """Python's garbage collector as `cti-bridge run` sets it."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _measured() -> list[Row]:
    rules = load_rules(thousand_rules())
    call = CallFacts(parse_number("+74950000150", region="RU"), did="+74950000149", at=_SUNDAY)
    answer = CrmAnswer(CrmSource.FRESH, (_RECORD,))
    times, work = [], []
    for _ in range(WARM_UP + DECISIONS):
        began, worked = time.perf_counter(), time.thread_time()
        decision, trace = decide(rules, gather(call, answer, rules, SHIPPED_STAGES))
        work.append((time.thread_time() - worked) * 1000)
        times.append((time.perf_counter() - began) * 1000)
    if len(trace.schedules) != SCHEDULES:
        raise RuntimeError(f"{len(trace.schedules)} schedules were judged")
    if decision.rule != "last":
        raise RuntimeError(f"rule {decision.rule!r} matched instead of the last")
    p50, p99 = (percentile(times[WARM_UP:], percent) for percent in (50, 99))
    cpu_p50, cpu_p99 = (percentile(work[WARM_UP:], percent) for percent in (50, 99))
    rules_of = f"{MAPS + EXPRESSIONS} rules ({EXPRESSIONS} of them CEL) and {SCHEDULES} schedules"
    return [
        Row(f"decision under {rules_of}, without CRM: p50 / p99",
            f"{p50:.2f} / {p99:.2f} ms", f"limit {LIMIT_MS:.0f} ms", p99 / LIMIT_MS, "p99 ≤ 1"),
        Row("the same, CPU time alone (what other work on the machine adds is not in it): p50 / p99",
            f"{cpu_p50:.2f} / {cpu_p99:.2f} ms", f"limit {LIMIT_MS:.0f} ms", cpu_p99 / LIMIT_MS),
    ]  # fmt: skip


def thousand_rules() -> str:
    """Rules about cities, amounts and hours that this call has not, and at the end one about the caller's class."""
    lines = ["schedules:\n", *map(_schedule, range(SCHEDULES)), "rules:\n"]
    every, every_schedule = (MAPS + EXPRESSIONS) // EXPRESSIONS, (MAPS + EXPRESSIONS) // SCHEDULES
    for number in range(MAPS + EXPRESSIONS - 1):
        if number % every_schedule == 1:
            when = f"{{class: sales}}, open: office-{number // every_schedule}"
        elif number % every:
            when = f"{{customer.city: Город-{number}, customer.segment: [retail, vip], class: sales}}"
        else:
            when = f"'has(deal.amount) && deal.amount > {1_000_000 + number} && customer.segment == \"retail\"'"
        lines.append(f"  - {{name: rule-{number}, when: {when}, queue: sales}}\n")
    return HEAD + "".join(lines) + "  - {name: last, when: {class: sales}, queue: sales}\n"


def _schedule(number: int) -> str:
    """An office with holidays and a few days that are otherwise."""
    days = (date(2026, 12, 1) + timedelta(days=3 * day) for day in range(EXCEPTIONS))
    others = ", ".join(
        f"{{date: {day.isoformat()}, hours: '10:00-{number % 8 + 12}:00', note: Короткий день}}" for day in days
    )
    hours = f"Mo-Fr 09:{number:02}-20:00; Sa 10:00-16:00; PH off"
    return f"  office-{number}: {{hours: '{hours}', country: RU, exceptions: [{others}]}}\n"
