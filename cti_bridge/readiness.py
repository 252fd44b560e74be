"""How well the things are that the bridge depends on: Asterisk, CRM, journal, rules."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class SourceState(StrEnum):
    """How one of them is."""

    UP = "up"
    DOWN = "down"
    AT_RISK = "at_risk"


@dataclass(frozen=True, slots=True)
class Source:
    """One of them: its state, why it is not up (for the admin, empty when it is) and since when (UTC)."""

    name: str
    state: SourceState
    reason: str
    since: datetime


class Readiness:
    """The state of every source; all are down until they have been heard of."""

    def __init__(self, names: Iterable[str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        start = now()
        self._sources = {name: Source(name, SourceState.DOWN, "not connected yet", start) for name in names}
        self._listeners: list[Callable[[Source], None]] = []
        self._figures: dict[str, Callable[[], Mapping[str, float | str | None]]] = {}

    def subscribe(self, listener: Callable[[Source], None]) -> None:
        """Have the listener called whenever the state of a source changes; a new reason alone is no change."""
        self._listeners.append(listener)

    def tell_also(self, name: str, figures: Callable[[], Mapping[str, float | str | None]]) -> None:
        """Have these figures told with a source, as they are when somebody asks."""
        self._figures[name] = figures

    def figures(self, name: str) -> Mapping[str, float | str | None]:
        """What is told with a source besides its state; None stands for what is not known yet."""
        return self._figures[name]() if name in self._figures else {}

    def set(self, name: str, state: SourceState, reason: str = "") -> None:
        """Say how a source is now. Raises KeyError for a name that was not given at the start."""
        before = self._sources[name]
        since = before.since if before.state is state else self._now()
        source = Source(name, state, reason, since)
        self._sources[name] = source
        if before.state is not state:
            for listener in self._listeners:
                listener(source)

    def all(self) -> tuple[Source, ...]:
        """Every source in the order given at the start."""
        return tuple(self._sources.values())

    @property
    def ready(self) -> bool:
        """Whether every source is up."""
        return all(source.state is SourceState.UP for source in self._sources.values())
