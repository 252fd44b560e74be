"""`calls forget` reaches what is remembered of a CRM: which call it calls how, its recordings, a stranger's lead."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from journal_room import MARIA, PETER, Kept, Run, keeper, past_call, runner

from cti_bridge.crm.links import SqliteLinks

NOW = time.time()
HERS, HIS = past_call(1, NOW - 100), past_call(2, NOW - 200, caller=PETER, customer_id="c-2")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


def keys(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as links:
        return {key for (key,) in links.execute("SELECT key FROM links")}


async def test_whatever_is_remembered_of_a_call_s_place_in_the_crm_goes_from_the_file(
    kept: Kept, run: Run, tmp_path: Path
) -> None:
    await kept(HERS, HIS)
    path = tmp_path / "data" / "links.sqlite"
    links = SqliteLinks(path)
    hers = (
        f"bitrix24/recording/{HERS.id}", f"bitrix24/call/{HERS.id}", f"amocrm/call/{HERS.id}", f"vtiger/call/{HERS.id}",
        f"generic:report:{HERS.id}/3", f"1a2b3c4d/call:{HERS.id}/moment", f"1a2b3c4d/lead:{MARIA}",
    )  # fmt: skip
    others = {f"bitrix24/recording/{HIS.id}", f"1a2b3c4d/lead:{PETER}", f"generic:report:{HIS.id}/1", "account sql"}
    for key in (*hers, *others):
        await links.put(key, f"in-{key}.wav")

    assert run("forget", MARIA, "--dry-run") == ["1 call would be forgotten"]
    assert keys(path) == {*hers, *others}
    assert run("forget", MARIA) == ["1 call forgotten"]

    assert keys(path) == others
    await links.close()
    held = b"".join(file.read_bytes() for file in path.parent.glob("links.sqlite*"))
    assert MARIA.encode() not in held
    assert f"in-bitrix24/recording/{HERS.id}".encode() not in held


async def test_a_stranger_whose_calls_are_too_old_for_the_journal_is_forgotten_all_the_same(
    kept: Kept, run: Run, tmp_path: Path
) -> None:
    await kept(HIS)
    links = SqliteLinks(tmp_path / "data" / "links.sqlite")
    await links.put(f"1a2b3c4d/lead:{MARIA}", "7")
    await links.close()
    run("forget", MARIA, code=1)
    assert keys(tmp_path / "data" / "links.sqlite") == set()
