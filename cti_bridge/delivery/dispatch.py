"""All of delivery for the daemon: who is told, the couriers, and what lies in the outbox, counted."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlite_utils import Database

from cti_bridge.database import DatabaseUnusable
from cti_bridge.delivery import outbox
from cti_bridge.delivery.courier import Courier, OutboxFile
from cti_bridge.delivery.outbox import Totals
from cti_bridge.delivery.outbox_writer import OutboxWriter, Receiver
from cti_bridge.delivery.patience import Patience
from cti_bridge.delivery.reports import CrmUser
from cti_bridge.delivery.sink import Sink

log = structlog.get_logger(__name__)

COUNT_EVERY_S = 5.0
STRANGERS_MAX_AGE_S = 86_400.0
"""How long reports wait for a receiver who is not in the settings any more: a slip of the admin's loses none."""


class Dispatch(Collector):
    """The receivers of reports; `writer` is what the journal has to take along, `connect` comes before all else."""

    def __init__(self, sinks: Sequence[Sink], *, crm_user: CrmUser, now: Callable[[], float] = time.time) -> None:
        self.writer = OutboxWriter(
            [Receiver(sink.name, sink.types, sink.customers_only) for sink in sinks],
            crm_user=crm_user,
            on_written=self._look,
            now=now,
        )
        self.couriers: tuple[Courier, ...] = ()
        self._sinks = tuple(sinks)
        self._totals: dict[str, Totals] = {}
        self._file: OutboxFile | None = None
        self._now = now
        self._with_strangers = Patience(STRANGERS_MAX_AGE_S)

    def connect(self, file: OutboxFile) -> None:
        """Say which file the outbox is in."""
        self._file = file
        self.couriers = tuple(Courier(sink, file, now=self._now) for sink in self._sinks)

    async def watch(self) -> None:
        """Count what lies in the outbox, every five seconds, until cancelled; nobody's reports do not lie for ever."""
        assert self._file is not None
        while True:
            with contextlib.suppress(DatabaseUnusable):  # the journal has said so; the figures stay as they were
                self._totals = await self._file.ask(lambda database: outbox.totals(database.conn), within_s=10.0)
                await self._give_up_strangers(self._file)
            await asyncio.sleep(COUNT_EVERY_S)

    async def _give_up_strangers(self, file: OutboxFile) -> None:
        """What has waited for long for somebody who is not in the settings becomes dead letters, which hold no call."""
        now = self._now()
        self._with_strangers.look(now, time.monotonic())
        before = self._with_strangers.over_before(now)
        known = {sink.name for sink in self._sinks}
        for sink, total in self._totals.items():
            if before is None or sink in known or total.oldest is None:
                continue
            if total.oldest > now + outbox.SET_S:
                await file.ask(partial(_redate, sink=sink, now=now), within_s=10.0)
            if total.oldest >= before:
                continue
            give_up = partial(_give_up, sink=sink, before=before, now=now)
            number = 0
            while done := await file.ask(give_up, within_s=10.0):
                number += done
            log.error("reports.expired", sink=sink, reports=number, reason=_NOBODY)

    async def give_up_all(self, sink: str, *, reason: str) -> int:
        """Make dead letters of all that waits for one receiver, and say how many. Raises DatabaseUnusable."""
        assert self._file is not None
        give_up = partial(_give_up, sink=sink, before=math.inf, now=self._now(), reason=reason)
        number = 0
        while done := await self._file.ask(give_up, within_s=10.0):
            number += done
        return number

    async def stop(self, *, within_s: float) -> None:
        """Begin nothing more, and let what is under way finish as far as the time allows."""
        await asyncio.gather(*(courier.stop(within_s=within_s) for courier in self.couriers))

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """The figures by sink: those of the outbox are up to five seconds old."""
        counters: dict[str, tuple[str, Callable[[Courier], float]]] = {
            "cti_outbox_sent": ("Reports that a receiver took.", lambda courier: courier.counts.sent),
            "cti_outbox_failed": ("Attempts that failed.", lambda courier: courier.counts.failed),
            "cti_outbox_given_up": ("Reports that became dead letters.", lambda courier: courier.counts.given_up),
        }
        for name, (text, count) in counters.items():
            counter = CounterMetricFamily(name, text, labels=["sink"])
            for courier in self.couriers:
                counter.add_metric([courier.name], count(courier))
            yield counter
        now = self._now()
        totals = {sink.name: Totals() for sink in self._sinks} | self._totals
        gauges: dict[str, tuple[str, Callable[[Totals], float]]] = {
            "cti_outbox_waiting": ("Reports that wait.", lambda total: total.waiting),
            "cti_outbox_dead": ("Dead letters.", lambda total: total.dead),
            "cti_outbox_oldest_seconds": ("How long the oldest has waited.", lambda total: _age(total, now)),
        }
        for name, (text, figure) in gauges.items():
            gauge = GaugeMetricFamily(name, text, labels=["sink"])
            for sink, total in totals.items():
                gauge.add_metric([sink], figure(total))
            yield gauge

    def _look(self) -> None:
        for courier in self.couriers:
            courier.look()


_NOBODY = "the receiver is not in the settings any more"


def _redate(database: Database, *, sink: str, now: float) -> None:
    with database.conn:
        outbox.redate(database.conn, sink, now=now, latest_due=now + outbox.SET_S)


def _give_up(database: Database, *, sink: str, before: float, now: float, reason: str = _NOBODY) -> int:
    with database.conn:
        return outbox.give_up_older(database.conn, sink, than=before, reason=reason, now=now)


def _age(total: Totals, now: float) -> float:
    return max(0.0, now - total.oldest) if total.oldest is not None else 0.0
