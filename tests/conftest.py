"""What holds for every test: it gives back all that it took, and Hypothesis tries the same examples every time.

`CTI_HYPOTHESIS=soak` tries many more, and others every time; `make soak` does. `make check` tries fewer.
"""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog
from brief import BRIEF
from hypothesis import HealthCheck, settings
from leftovers import held, left_over

from scripts.checks import OF_PARTS, in_one_part

pytest_plugins = ["second_chance"]

_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large)  # a busy machine is not what is tested
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60, suppress_health_check=_SLOW_IS_FINE)
settings.register_profile("brief", settings.get_profile("ci"), max_examples=10)
settings.register_profile("soak", deadline=None, max_examples=5_000, suppress_health_check=_SLOW_IS_FINE)
settings.load_profile(os.environ.get("CTI_HYPOTHESIS", "brief" if BRIEF else "ci"))

GIVEN_BACK_WITHIN_S = float(os.environ.get("CTI_TESTS_GIVEN_BACK_S", "30"))
"""A thread or a connection that is ending may take so long about it."""
_ROUNDS_BEFORE_COLLECTING = 20


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a test that no part of `make test`, or more than one, would run.

    Leave the long runs out, unless they are asked for by name (`-m soak`).
    """
    here = Path(__file__).parent
    for item in items:
        marks = OF_PARTS & {mark.name for mark in item.iter_markers()}
        if marks and not in_one_part(item.path.relative_to(here), marks):
            raise pytest.UsageError(f"{item.nodeid} is not in one part of make test (scripts/checks.py)")
    if "soak" in (config.option.markexpr or ""):
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(autouse=True)
def the_log_is_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test, or a command that it runs, sets up for the log ends with it.

    A logger that keeps its level from the first line on, as the daemon's do, would keep it for all later tests.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(structlog, "configure", partial(_configured_for_now, structlog.configure))
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def _configured_for_now(configure: Callable[..., None], **wanted: object) -> None:
    configure(**{**wanted, "cache_logger_on_first_use": False})


@pytest.fixture(autouse=True)
def nothing_left_over(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a task, timer, thread, child process, descriptor or listening socket behind."""
    marker = request.node.get_closest_marker("asyncio")
    scope = (marker.kwargs.get("loop_scope") or "function") if marker else None
    # Asked for first, so that its loop is still there when everything else that the test used is gone.
    runner: asyncio.Runner | None = request.getfixturevalue(f"_{scope}_scoped_runner") if scope else None
    loop = runner.get_loop() if runner else None
    before = held(loop)
    yield
    deadline = time.monotonic() + GIVEN_BACK_WITHIN_S
    rounds = 0
    while found := left_over(before, held(loop)):
        if time.monotonic() > deadline:
            pytest.fail("left behind: " + "; ".join(found), pytrace=False)
        rounds += 1
        if rounds == _ROUNDS_BEFORE_COLLECTING:
            gc.collect()
        if runner is not None:
            runner.run(asyncio.sleep(0.002))
        else:
            time.sleep(0.002)
