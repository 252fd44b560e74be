"""The clock that calls are measured by, while the machine's is set."""

from cti_bridge.call_clock import CallClock

AT, RUNNING = 1_795_000_000.0, 500.0


class Machine:
    """Both of a machine's clocks, and whether a call is going on."""

    def __init__(self) -> None:
        self.wall, self.running, self.calls, self.times_set = AT, RUNNING, 0, 0
        self.set_by_s = 0.0
        self.clock = CallClock(
            may_follow=lambda: not self.calls,
            on_set=self._was_set,
            now=lambda: self.wall,
            running=lambda: self.running,
        )

    def _was_set(self, by_s: float) -> None:
        self.times_set += 1
        self.set_by_s = by_s

    def passes(self, seconds: float) -> float:
        self.wall += seconds
        self.running += seconds
        return self.clock.now()


def test_while_a_call_goes_on_time_only_passes_and_then_the_new_time_holds() -> None:
    for hour in (3600.0, -3600.0):
        machine = Machine()
        machine.calls = 1
        assert machine.passes(10) == AT + 10
        machine.wall += hour
        assert machine.passes(5) == AT + 15
        assert machine.passes(5) == AT + 20
        assert machine.times_set == 0
        machine.calls = 0
        assert machine.passes(5) == AT + 25 + hour
        assert (machine.times_set, machine.set_by_s) == (1, hour)
        machine.calls = 1
        assert machine.passes(5) == AT + 30 + hour


def test_a_clock_that_is_put_right_by_a_little_again_and_again_is_followed_at_once() -> None:
    machine = Machine()
    machine.calls = 1
    for _ in range(100):
        machine.wall += 0.5
        assert machine.passes(60) == machine.wall
    assert machine.times_set == 0


def test_a_clock_that_is_set_and_set_back_was_never_set() -> None:
    machine = Machine()
    machine.calls = 1
    machine.wall += 3600
    assert machine.passes(5) == AT + 5
    machine.wall -= 3600
    assert machine.passes(5) == machine.wall
    machine.calls = 0
    assert machine.passes(5) == machine.wall
    assert machine.times_set == 0
