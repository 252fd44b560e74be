"""What `/readyz` says of Asterisk when it has two connections."""

import pytest

from cti_bridge.asterisk.state import AsteriskState

WELL, GONE, DEAF = ("up", ""), ("down", "AMI: gone"), ("at_risk", "AMI: deaf")
ARI_GONE = ("down", "ARI: gone")


@pytest.mark.parametrize(
    ("ami", "ari", "told"),
    [
        (WELL, WELL, ("up", "")),
        (WELL, ARI_GONE, ("at_risk", "ARI: gone")),
        (GONE, WELL, ("down", "AMI: gone")),
        (GONE, ARI_GONE, ("down", "AMI: gone; ARI: gone")),
        (DEAF, WELL, ("at_risk", "AMI: deaf")),
        (DEAF, ARI_GONE, ("at_risk", "AMI: deaf; ARI: gone")),
    ],
)
def test_asterisk_is_as_well_as_both_together(
    ami: tuple[str, str], ari: tuple[str, str], told: tuple[str, str]
) -> None:
    heard: list[tuple[str, str]] = []
    state = AsteriskState(lambda *how: heard.append(how), with_ari=True)
    state.ari(*ari)
    state.ami(*ami)
    assert heard[-1] == told
    state.ami(*ami)
    state.ari(*ari)
    assert heard[-1] == told


def test_ari_that_has_not_been_heard_of_is_not_taken_for_well() -> None:
    heard: list[tuple[str, str]] = []
    AsteriskState(lambda *how: heard.append(how), with_ari=True).ami(*WELL)
    AsteriskState(lambda *how: heard.append(how), with_ari=False).ami(*WELL)
    assert heard == [("at_risk", "ARI: not connected yet"), ("up", "")]
