"""What the daemon counts: figures that its parts keep anyway, read when somebody asks for them."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cti_bridge.domain.decision import Decision

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
