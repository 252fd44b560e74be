"""Thousands of calls are not logged; what the bridge logs as an error is one."""

import gc
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog


@pytest.fixture(autouse=True)
def garbage_is_collected_rarely() -> Iterator[None]:
    """A quarter of the time would go into looking for what is not there."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 10, 10)
    yield
    gc.set_threshold(*before)


@pytest.fixture(autouse=True)
def errors_are_told() -> Iterator[list[str]]:
    """Everything logged as an error, with where it came from; there is to be none."""
    told: list[str] = []

    def note(_logger: object, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if level in {"error", "critical"}:
            told.append(f"{event['event']}\n{traceback.format_exc()}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[note])
    yield told
    structlog.configure(**before)
    assert not told, told[0]
