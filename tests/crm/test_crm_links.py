"""What a CRM called a call is remembered over a restart, and for ninety days."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from cti_bridge.crm.links import FOR_GOOD, KEPT_S, SqliteLinks
from cti_bridge.database import DatabaseUnusable


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def links(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteLinks]:
    links = SqliteLinks(tmp_path / "links.sqlite", now=clock)
    yield links
    await links.close()


async def test_what_was_put_down_is_known_after_a_restart(links: SqliteLinks, tmp_path: Path) -> None:
    assert await links.get("main-1.1") is None
    await links.put("main-1.1", "externalCall.7")
    await links.put("main-1.2", "externalCall.8")
    await links.put("main-1.1", "externalCall.9")
    await links.close()
    other = SqliteLinks(tmp_path / "links.sqlite")
    assert [await other.get(key) for key in ("main-1.1", "main-1.2")] == ["externalCall.9", "externalCall.8"]
    await other.close()


async def test_nothing_is_made_before_it_is_asked(links: SqliteLinks, tmp_path: Path) -> None:
    assert not (tmp_path / "links.sqlite").exists()


async def test_after_ninety_days_it_is_forgotten(links: SqliteLinks, tmp_path: Path, clock: Clock) -> None:
    await links.put("old", "1")
    clock.now += KEPT_S - 10
    await links.put("young", "2")
    assert await links.get("old") == "1"
    clock.now += 20
    await links.put("at once", "3")
    assert await links.get("old") == "1", "nobody looks again so soon"
    clock.now += 3_600
    await links.put("later", "4")
    assert [await links.get(key) for key in ("old", "young", "at once")] == [None, "2", "3"]
    with closing(sqlite3.connect(tmp_path / "links.sqlite")) as file:
        assert file.execute("SELECT count(*) FROM links").fetchone() == (3,)


async def test_which_account_it_is_is_known_however_long_the_bridge_runs(links: SqliteLinks, clock: Clock) -> None:
    await links.put(f"{FOR_GOOD}generic", "https://crm.example")
    clock.now += 2 * KEPT_S
    await links.put("main-1.1", "1")
    assert await links.get(f"{FOR_GOOD}generic") == "https://crm.example"


async def test_a_clock_that_is_set_back_stops_nothing(links: SqliteLinks, clock: Clock) -> None:
    await links.put("one", "1")
    clock.now -= 10 * 86_400
    await links.put("two", "2")
    assert [await links.get(key) for key in ("one", "two")] == ["1", "2"]


@pytest.mark.parametrize("whole", [True, False], ids=["all of it", "its pages"])
async def test_a_broken_file_is_put_aside_and_no_report_waits_for_somebody_to_see_it(
    links: SqliteLinks, tmp_path: Path, whole: bool
) -> None:
    file = tmp_path / "links.sqlite"
    await links.put("before", "1")
    await links.close()
    broken = b"no database at all " * 100 if whole else file.read_bytes()[:4096] + b"\xff" * 8192
    file.write_bytes(broken)
    other = SqliteLinks(file)
    assert await other.get("before") is None
    await other.put("key", "value")
    assert await other.get("key") == "value"
    await other.close()
    assert (tmp_path / "links.sqlite.broken").read_bytes() == broken
    assert file.stat().st_mode & 0o777 == 0o600


async def test_several_who_find_it_broken_put_it_aside_once(tmp_path: Path) -> None:
    """The second would have put aside the new one, with what the first had written."""
    file = tmp_path / "links.sqlite"
    file.write_bytes(b"no database at all " * 100)
    links = SqliteLinks(file)
    keys = [f"main-{number}.1" for number in range(8)]
    await asyncio.gather(*(links.put(key, "externalCall.7") for key in keys))
    assert [await links.get(key) for key in keys] == ["externalCall.7"] * 8
    await links.close()
    assert (tmp_path / "links.sqlite.broken").read_bytes().startswith(b"no database")


async def test_a_file_that_is_only_locked_is_kept(links: SqliteLinks, tmp_path: Path) -> None:
    await links.put("key", "value")
    with closing(sqlite3.connect(tmp_path / "links.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnusable, match="locked"):
            await links.put("key", "other")
        other.execute("ROLLBACK")
    assert await links.get("key") == "value"
    await links.put("key", "other")
    assert not (tmp_path / "links.sqlite.broken").exists()


async def test_once_closed_it_says_so_and_may_be_closed_again(links: SqliteLinks) -> None:
    await links.put("key", "value")
    await links.close()
    await links.close()
    with pytest.raises(DatabaseUnusable):
        await links.get("key")
