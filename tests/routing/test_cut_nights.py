"""A night that another part of the hours cuts off at midnight: `check` warns, where that cannot be meant."""

import pytest
from test_schedules import at, schedule

from cti_bridge.routing.cut_nights import cut_nights


@pytest.mark.parametrize(
    "hours",
    [
        "Mo-Su 09:00-18:00; Fr 22:00-06:00",
        "Fr 22:00-06:00; Sa 10:00-16:00",
        "Sa 10:00-16:00; Fr 22:00-06:00",
        "Mo-Fr 09:00-18:00; Fr 22:00-30:00; Sa 10:00-16:00",
        'Fr 22:00-06:00 "ночь; смена"; Sa 10:00-16:00',
        "Fr 09:00-18:00,22:00-06:00; Sa 10:00-16:00; PH off",
    ],
)
def test_a_night_that_ends_at_midnight_by_mistake_is_told(hours: str) -> None:
    (warning,) = cut_nights({"it": schedule(hours)}, at("2026-11-23 11:00"))

    assert warning.format("r.yaml") == (
        "r.yaml:3:3: warning: schedule `it` closes at midnight in the night from Fr 22:00 on, because another part of"
        " its hours is about all of Sa (put a comma in place of `;`, or write 22:00-24:00)"
    )


@pytest.mark.parametrize(
    "hours",
    [
        "off",
        "24/7; Sa 10:00-16:00",
        "Mo-Fr 09:00-20:00; Sa 10:00-16:00; PH off",
        "Mo-Su 09:00-18:00, Fr 22:00-06:00",
        "Fr 22:00-06:00, Sa 10:00-16:00",
        "Fr 22:00-24:00; Sa 10:00-16:00",
        "Fr 22:00-06:00; Sa 00:00-06:00,10:00-16:00",
        "Fr 22:00-06:00; Sa off",
        "Mo-Su 20:00-06:00; PH 10:00-16:00",
        "Mo-Su 20:00-06:00; Fr 00:00-06:00,20:00-24:00; Sa 20:00-06:00",
        "Mo-Fr 20:00-08:00; Sa,Su 00:00-24:00",
        'Mo-Fr 22:00-06:00 "ночь; смена"',
        "2025 Fr 22:00-06:00; Sa 10:00-16:00",
    ],
)
def test_what_can_be_meant_is_not(hours: str) -> None:
    assert cut_nights({"it": schedule(hours)}, at("2026-11-23 11:00")) == ()
