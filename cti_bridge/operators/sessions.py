"""The sessions of signed-in browsers as the running bridge knows them. Pure; times are seconds since 1970."""

from collections.abc import Iterable

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.store import StoredSession

SESSION_S = 12 * 3600.0
"""How long a session lasts after its latest use."""

WRITE_EVERY_S = 300.0
"""A use is written down when the stored one is older than this: a crash shortens a session by no more."""


class Sessions:
    """Finds sessions by token hash, lets them slide, and knows which of them the store should hear about."""

    def __init__(self, *, lasts_s: float = SESSION_S) -> None:
        self._lasts_s = lasts_s
        self._sessions: dict[str, StoredSession] = {}
        self._used: dict[str, float] = {}

    def replace(self, stored: Iterable[StoredSession]) -> frozenset[str]:
        """Take over what is stored now; gives back the token hashes of sessions that have ended since."""
        sessions = {session.token_hash: session for session in stored}
        ended = frozenset(self._sessions.keys() - sessions.keys())
        self._sessions = sessions
        self._used = {token: at for token, at in self._used.items() if token in sessions}
        return ended

    def use(self, token_hash: str, now: float) -> StoredSession | None:
        """The session, which counts as used now; None when there is none or it has expired."""
        session = self._sessions.get(token_hash)
        if session is None or now - self._last_used(session) >= self._lasts_s:
            return None
        self._used[token_hash] = max(now, self._last_used(session))
        return session

    def operator_of(self, token_hash: str) -> OperatorId | None:
        """Whose session this is or was; None when there is none."""
        session = self._sessions.get(token_hash)
        return session.operator if session is not None else None

    def any_of(self, operator: OperatorId, now: float) -> bool:
        """Whether the operator has a session that has not expired."""
        his = (one for one in self._sessions.values() if one.operator == operator)
        return any(now - self._last_used(one) < self._lasts_s for one in his)

    def unwritten(self, *, at_least_s: float = WRITE_EVERY_S) -> dict[str, float]:
        """Uses that the store does not know and that are at least so much later than the one it knows."""
        return {token: at for token, at in self._used.items() if at - self._sessions[token].last_used > at_least_s}

    def written(self, used: dict[str, float]) -> None:
        """Remember that the store knows these uses now."""
        for token, at in used.items():
            session = self._sessions.get(token)
            if session is not None:
                self._sessions[token] = StoredSession(token, session.operator, at)

    def _last_used(self, session: StoredSession) -> float:
        return max(session.last_used, self._used.get(session.token_hash, 0.0))
