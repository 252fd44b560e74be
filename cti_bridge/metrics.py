"""What the daemon counts: figures that its parts keep anyway, read when somebody asks for them."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.decision import Decision
from cti_bridge.domain.direction import Direction

Reading = Callable[[], float]


class DecisionMetrics:
    """Counts decisions by kind and CRM answer, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._decisions = Counter("cti_decisions", "Decisions made.", ["decision", "crm"], registry=registry)
        self._seconds = Histogram(
            "cti_decision_seconds",
            "From accepting the dialplan's connection to its taking the last variable.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5),
            registry=registry,
        )

    def observe(self, decision: Decision, seconds: float) -> None:
        """One decision was delivered, or was too late to be."""
        self._decisions.labels(decision.kind.value, decision.crm.value if decision.crm else "").inc()
        self._seconds.observe(seconds)


MOST_NAMES = 100
"""Values of one label that are shown by themselves; what comes later counts as `other`."""
OTHER = "other"


class CallMetrics:
    """Counts calls that have ended, and how long callers waited for an answer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._classes = _Names()
        self._queues = _Names()
        labels = ["direction", "class", "queue", "outcome"]
        self._calls = Counter("cti_calls", "Calls that have ended.", labels, registry=registry)
        self._missed = Counter(
            "cti_calls_missed", "Calls from outside that nobody answered.", ["queue"], registry=registry
        )
        self._wait = Histogram(
            "cti_call_wait_seconds",
            "From a caller's arrival to the first operator's answer, of inbound calls.",
            ["queue"],
            buckets=(2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1200.0),
            registry=registry,
        )

    def observe(self, record: CallRecord) -> None:
        """One call has ended."""
        decision = record.decision
        class_name = self._classes.known(decision.class_name if decision else "")
        queue = self._queues.known(record.queue or (decision.queue if decision else ""))
        self._calls.labels(record.direction, class_name, queue, record.outcome).inc()
        if record.direction is not Direction.INBOUND:
            return
        if record.answered_at is not None:
            self._wait.labels(queue).observe(max(0.0, record.answered_at - record.offered_at))
        if record.outcome != "answered" and record.caller_kind != "internal":
            self._missed.labels(queue).inc()


class _Names:
    """The first names that came; a label must not grow with what the PBX or a rule file calls its things."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def known(self, name: str) -> str:
        """The name, or `other` when there are too many already."""
        if name not in self._names:
            if len(self._names) >= MOST_NAMES:
                return OTHER
            self._names.add(name)
        return name


class Readings(Collector):
    """Counters and gauges whose values live elsewhere."""

    def __init__(
        self, *, counters: Mapping[str, tuple[str, Reading]], gauges: Mapping[str, tuple[str, Reading]]
    ) -> None:
        self._counters = counters
        self._gauges = gauges

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """All of them as they are now."""
        for name, (text, read) in self._counters.items():
            yield CounterMetricFamily(name, text, value=read())
        for name, (text, read) in self._gauges.items():
            yield GaugeMetricFamily(name, text, value=read())
