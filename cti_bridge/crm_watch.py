"""How the daemon sees its CRM: how often it is asked whether it is there, what /readyz says of it, what is counted."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cti_bridge.crm.condition import CrmState
from cti_bridge.crm.health import Trouble
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.mirror.following import Following
from cti_bridge.crm.mirror.mirrored import MirroredCrm
from cti_bridge.crm.mirror.source import Mirrorable
from cti_bridge.crm.mirror.state import Every, MirrorCounts
from cti_bridge.crm.port import Crm, CrmUnavailable
from cti_bridge.readiness import SourceState
from cti_bridge.settings import Settings

NEARBY = {"embedded", "sql", "tryton"}
"""CRMs that may be asked every other second; the others count every question against a limit."""


def mirror_path(settings: Settings) -> Path:
    """The file of the mirror."""
    return settings.data_dir / "mirror.sqlite"


class CrmWatch:
    """The CRM of the settings with its mirror, if it has one, and how both are."""

    def __init__(self, crm: Crm, settings: Settings) -> None:
        self._kind = settings.crm.kind
        self._stage_words = settings.crm.stage_words
        self._lookup: Lookup | None = None
        self.mirror: Following | None = None
        """What keeps the mirror in step; None without a mirror."""
        self.crm: Crm = crm
        """Whom to ask: the CRM itself, or the CRM with its mirror."""
        self._mirrored: MirroredCrm | None = None
        if settings.crm.model.mirror is not None:
            self._have_mirror(crm, settings)

    def look_up_through(self, *, fresh_s: float) -> Lookup:
        """The look-up that everybody uses."""
        self._lookup = Lookup(self.crm, fresh_s=fresh_s, dated=self._mirrored, stage_words=self._stage_words)
        return self._lookup

    async def recall(self) -> None:
        """Read where the mirror is, so that it has the stages for the rules before the CRM is asked for anything."""
        if self.mirror is not None:
            with suppress(CrmUnavailable):
                await self.mirror.recall()

    @property
    def pauses(self) -> Mapping[str, float]:
        """How `Lookup.watch` asks this CRM. Asking a mirror costs the CRM nothing."""
        if self._kind in NEARBY or self._mirrored is not None:
            return {"every_s": 2.0, "while_down_s": 0.5, "within_s": 1.0}
        return {"every_s": 15.0, "while_down_s": 5.0, "within_s": 5.0}

    def state(self) -> tuple[SourceState, str]:
        """How it is, and why it is not up. With a mirror that is behind callers go by what was true a while ago."""
        assert self._lookup is not None
        if self._lookup.state is not CrmState.UP:
            state = SourceState.DOWN if self._lookup.state is CrmState.DOWN else SourceState.AT_RISK
            return state, self._lookup.reason
        mirror = self.mirror
        if mirror is None or mirror.age_s is None or mirror.is_current:
            return SourceState.UP, ""
        return SourceState.AT_RISK, f"its mirror is {mirror.age_s / 60:.0f} min old: {mirror.problem or 'it is slow'}"

    def figures(self) -> Mapping[str, float | str | None]:
        """What /readyz tells besides."""
        assert self._lookup is not None
        answered_s_ago = _rounded(_answered_s_ago(self._lookup, self.mirror))
        figures: dict[str, float | str | None] = {"kind": self._kind, "answered_s_ago": answered_s_ago}
        if self.mirror is not None:
            figures["mirror_age_s"] = _rounded(self.mirror.age_s)
        return figures

    def readings(self) -> "CrmReadings":
        """What /metrics tells."""
        assert self._lookup is not None
        return CrmReadings(self._lookup, self.mirror)

    def _have_mirror(self, crm: Crm, settings: Settings) -> None:
        model, path = settings.crm.model, mirror_path(settings)
        assert model.mirror is not None
        assert isinstance(crm, Mirrorable), f"{model.kind} says in its settings that it can be mirrored"
        # Numbers are kept in E.164, which those without a country code become by the region.
        source = f"{model.kind} {crm.account} {settings.region}"
        self.mirror = Following(crm, path, source, every=Every(model.mirror.every, model.mirror.full))
        self._mirrored = MirroredCrm(crm, path, self.mirror)
        self.crm = self._mirrored


class CrmReadings(Collector):
    """The figures of look-ups and of the mirror at /metrics."""

    def __init__(self, lookup: Lookup, mirror: Following | None) -> None:
        self._lookup = lookup
        self._mirror = mirror

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """All of them as they are now; what is not known yet, or is a mirror's that there is not, has no value."""
        health = self._lookup.health
        yield CounterMetricFamily("cti_crm_asked", "Look-ups put to the CRM.", value=health.asked)
        yield CounterMetricFamily("cti_crm_asked_behind", "Of them, nobody waited for.", value=health.asked_behind)
        troubles = CounterMetricFamily("cti_crm_unanswered", "Look-ups without its answer.", labels=["trouble"])
        for trouble in Trouble:
            troubles.add_metric([trouble.value], health.troubles[trouble])
        yield troubles
        answered_s_ago = _answered_s_ago(self._lookup, self._mirror)
        yield _gauge("cti_crm_answered_seconds_ago", "Since its last good answer.", answered_s_ago)
        counts = self._mirror.counts if self._mirror else MirrorCounts()
        yield CounterMetricFamily("cti_mirror_pages", "Pages taken over.", value=counts.pages)
        yield CounterMetricFamily("cti_mirror_failures", "Steps that failed.", value=counts.failures)
        yield CounterMetricFamily("cti_mirror_removed", "Customers and deals removed.", value=counts.removed)
        yield CounterMetricFamily("cti_mirror_full_passes", "Full passes ended.", value=counts.full_passes)
        yield _gauge("cti_mirror_customers", "Customers in it.", counts.customers if self._mirror else None)
        yield _gauge("cti_mirror_age_seconds", "How old it is.", self._mirror.age_s if self._mirror else None)


def _answered_s_ago(lookup: Lookup, mirror: Following | None) -> float | None:
    """Since the CRM's last good answer; what callers are told from a mirror is none of the CRM."""
    return lookup.health.answered_s_ago if mirror is None else mirror.answered_s_ago


def _gauge(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], value)
    return family


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
