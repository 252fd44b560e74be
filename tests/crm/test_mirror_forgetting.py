"""`calls forget` takes from the mirror who is gone in the CRM, at once and from the file's bytes."""

import asyncio
import json
from pathlib import Path

import pytest
from mirror_scene import MirrorScene

from cti_bridge.calls.journal import Journal
from cti_bridge.cli import mirror_forgetting
from cti_bridge.cli.main import main
from cti_bridge.crm.mirror.forgetting import mirrored
from cti_bridge.crm.port import CrmUnavailable
from fakes.changing import ChangingCrm

NAME = "Евпраксия Незабудкина"
HERS = "+74950000903"
SETTINGS = """\
data_dir: data
pbxes: [{region: RU, ami: {secret_file: ami.secret}}]
crm: {kind: amocrm, url: "https://crm.example", token: {secret_file: ami.secret}, mirror: {}}
"""


class Cloud(ChangingCrm):
    """A fake of a cloud CRM that a command opens and closes."""

    kind = "fake"

    async def close(self) -> None:
        pass


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud CRM, and in `data` its mirror, which has everybody of whom one is to be forgotten."""
    (tmp_path / "ami.secret").write_text("geheim\n")
    (tmp_path / "cti-bridge.yaml").write_text(SETTINGS, "utf-8")
    (tmp_path / "data").mkdir()
    crm = Cloud()
    for number in range(5):
        crm.put(number)
        crm.deal(number, number)
    crm.put(3, NAME, HERS, "+74950000904")
    monkeypatch.setattr(mirror_forgetting, "crm_of", lambda _settings: crm)

    async def fill() -> None:
        scene = MirrorScene(tmp_path / "data", crm)
        await scene.until_filled()
        await scene.following.close()
        journal = Journal(tmp_path / "data" / "calls.sqlite", on_state=lambda _state, _reason: None)
        await journal.open()
        await journal.close(within_s=60)

    asyncio.run(fill())
    return crm


def forgets(folder: Path, *whom: str) -> int:
    return main(["calls", "forget", *whom, "--config", str(folder / "cti-bridge.yaml")])


def has_her(folder: Path) -> bool:
    return bool(mirrored(folder / "data" / "mirror.sqlite", caller=HERS, customer="", busy_timeout_s=30))


@pytest.mark.parametrize("whom", [["8 (495) 000-09-03"], ["--customer", "c-3"]])
def test_who_is_gone_in_the_crm_is_gone_from_the_mirror_s_bytes(
    cloud: Cloud, tmp_path: Path, whom: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.delete(3)
    assert forgets(tmp_path, *whom, "--json") == 0
    assert json.loads(capsys.readouterr().out)["mirrored"] == 1
    assert not has_her(tmp_path)
    assert NAME.encode() not in b"".join(file.read_bytes() for file in (tmp_path / "data").glob("mirror.sqlite*"))


def test_who_is_still_there_stays_and_that_is_said(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forgets(tmp_path, HERS) == 1
    assert "the CRM still has him" in capsys.readouterr().err
    assert has_her(tmp_path)


def test_while_the_crm_cannot_be_asked_nobody_is_removed(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_ids: object) -> frozenset[str]:
        raise CrmUnavailable("it answers 503")

    monkeypatch.setattr(Cloud, "customers_gone", lambda _self, ids: fail(ids))
    assert forgets(tmp_path, HERS) == 1
    assert "its mirror still has him" in capsys.readouterr().err
    assert has_her(tmp_path)


def test_a_mirror_that_was_switched_off_asks_nobody(cloud: Cloud, tmp_path: Path) -> None:
    settings = tmp_path / "cti-bridge.yaml"
    settings.write_text(settings.read_text("utf-8").replace(", mirror: {}", ""), "utf-8")
    assert forgets(tmp_path, HERS) == 0
    assert not has_her(tmp_path)


def test_a_dry_run_removes_nobody(cloud: Cloud, tmp_path: Path) -> None:
    cloud.delete(3)
    assert forgets(tmp_path, HERS, "--dry-run") == 1
    assert has_her(tmp_path)
