"""What the hub counts about pops and pages."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class HubMetrics:
    """Counters of the screen-pop hub; none of them carries a name or a number."""

    def __init__(self, registry: CollectorRegistry, *, kept_bytes: Callable[[], float]) -> None:
        self.pops = Counter("cti_pops", "Pops published to operators.", registry=registry)
        self.without_page = Counter(
            "cti_pops_without_page", "Pops for operators who had no page open.", registry=registry
        )
        self.acknowledged = Counter("cti_pops_acknowledged", "Pops that a page confirmed.", registry=registry)
        self.repeated = Counter("cti_pops_repeated", "Pops sent a second time.", registry=registry)
        self.unacknowledged = Counter(
            "cti_pops_unacknowledged", "Pops that no page confirmed, not even the repetition.", registry=registry
        )
        self.too_slow = Counter("cti_pages_too_slow", "Pages disconnected for being too slow.", registry=registry)
        self.pages = Gauge("cti_pages", "Pages connected now.", registry=registry)
        self.resumes = Counter(
            "cti_page_resumes",
            "Pages that came back and asked for what they missed, by what they got.",
            ["got"],
            registry=registry,
        )
        Gauge(
            "cti_kept_event_bytes", "Memory of the events kept for pages that come back.", registry=registry
        ).set_function(kept_bytes)
        self.paint = Histogram(
            "cti_pop_paint_seconds",
            "From the frame's arrival in the page to the painted card, as the page measured it.",
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
            registry=registry,
        )
