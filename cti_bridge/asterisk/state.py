"""How Asterisk is as a whole, made of how its connections are."""

from collections.abc import Callable


class AsteriskState:
    """Adds up AMI, and ARI where it is set up, for `told`, which hears `up`, `down` or `at_risk` and why.

    Without AMI nobody knows what happens to calls: down. Without ARI the callers of those trunks that come by Stasis
    go to the default queue, while all others are well: at risk.
    """

    def __init__(self, told: Callable[[str, str], None], *, with_ari: bool) -> None:
        self._told = told
        self._ami = ("down", "not connected yet")
        self._ari = ("down", "ARI: not connected yet") if with_ari else ("up", "")

    def ami(self, state: str, reason: str) -> None:
        """Say how AMI is: up, down or at_risk."""
        self._ami = (state, reason)
        self._tell()

    def ari(self, state: str, reason: str) -> None:
        """Say how ARI is: up or down."""
        self._ari = (state, reason)
        self._tell()

    def _tell(self) -> None:
        state, _ = self._ami
        if state == "up" and self._ari[0] != "up":
            state = "at_risk"
        self._told(state, "; ".join(reason for _, reason in (self._ami, self._ari) if reason))
