"""How long reports are tried and when again, whatever happens to the machine's clock."""

from dataclasses import replace

import pytest

from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.patience import Patience
from cti_bridge.delivery.reports import ReportType
from cti_bridge.domain.ids import CallId

DAY_S = 86_400.0
NOW = 1_795_000_000.0
ENTRY = Entry(CallId("main-1.1"), "crm", 1, ReportType.STARTED, "waiting", NOW, 1, NOW + 100.0, "HTTP 503", "{}")


@pytest.fixture
def patience() -> Patience:
    patience = Patience(DAY_S)
    patience.look(NOW, 0.0)
    return patience


def test_a_day_is_a_day_also_when_the_bridge_was_away_for_most_of_it(patience: Patience) -> None:
    assert patience.left_s(NOW - DAY_S + 1, NOW) == 1
    assert patience.left_s(NOW - DAY_S, NOW) <= 0
    assert patience.over_before(NOW) == NOW - DAY_S


def test_what_waits_when_the_clock_leaps_ahead_has_its_full_time_again(patience: Patience) -> None:
    later = NOW + 1000 * DAY_S
    patience.look(later, 10.0)
    assert patience.left_s(NOW, later) == DAY_S
    assert patience.over_before(later) is None
    patience.look(later + DAY_S, 10.0 + DAY_S)
    assert patience.left_s(NOW, later + DAY_S) == 0
    assert patience.over_before(later + DAY_S) == later


def test_a_clock_that_is_corrected_by_seconds_changes_nothing(patience: Patience) -> None:
    patience.look(NOW + 50.0, 1.0)
    assert patience.left_s(NOW - DAY_S + 60.0, NOW + 50.0) == 10.0


@pytest.mark.parametrize(
    ("at", "running", "left"),
    [
        pytest.param(NOW + 40.0, 40.0, 60.0, id="it waits"),
        pytest.param(NOW + 100.0, 100.0, 0.0, id="it is due"),
        pytest.param(NOW - 3000.0, 40.0, 60.0, id="the clock is set back meanwhile"),
        pytest.param(NOW + 3000.0, 40.0, 0.0, id="it is set ahead: early costs nothing, a pause is kept elsewhere"),
    ],
)
def test_waiting_is_counted_by_the_clock_that_only_runs(
    patience: Patience, at: float, running: float, left: float
) -> None:
    patience.wait(ENTRY, 100.0)
    assert patience.wait_s(ENTRY, at, running) == left


@pytest.mark.parametrize(("due_in_s", "left"), [(100.0, 100.0), (3000.0, 300.0), (-5.0, 0.0)])
def test_after_a_restart_it_is_the_machines_clock_within_reason(
    patience: Patience, due_in_s: float, left: float
) -> None:
    assert patience.wait_s(replace(ENTRY, due_at=NOW + due_in_s), NOW, 0.0) == left


def test_what_was_never_tried_waits_for_nothing(patience: Patience) -> None:
    assert patience.wait_s(replace(ENTRY, attempts=0, due_at=NOW + 3000.0), NOW, 0.0) == 0.0
