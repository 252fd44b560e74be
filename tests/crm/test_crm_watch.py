"""What the daemon says of its CRM and of the mirror: `/readyz`, the figures, and a mirror that cannot be."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from settable_clock import SettableClock

from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.port import Crm
from cti_bridge.crm_opening import crm_of
from cti_bridge.crm_watch import CrmWatch, mirror_path
from cti_bridge.domain.number import parse_number
from cti_bridge.readiness import SourceState
from cti_bridge.settings import Settings, SettingsError, load_settings
from fakes.changing import ChangingCrm

CLOUD = "  kind: amocrm\n  url: https://crm.example\n  token: {secret_file: ami.secret}\n"


class QuietCloud(ChangingCrm):
    """A fake of a cloud CRM of which nothing is asked here but its pages."""

    kind = "fake"
    capabilities = frozenset[str]()

    async def check(self) -> None:
        pass

    async def close(self) -> None:
        pass


def settings_with(folder: Path, crm: str) -> Settings:
    (folder / "ami.secret").write_text("geheim\n")
    (folder / "cti-bridge.yaml").write_text(
        f"data_dir: data\npbxes: [{{region: RU, ami: {{secret_file: ami.secret}}}}]\ncrm:\n{crm}\n", "utf-8"
    )
    return load_settings(folder / "cti-bridge.yaml")


@pytest.fixture
async def watch(tmp_path: Path) -> AsyncIterator[CrmWatch]:
    settings = settings_with(tmp_path, f"{CLOUD}  mirror: {{every: 30s, full: 12h}}")
    settings.data_dir.mkdir()
    one = CrmWatch(cast(Crm, QuietCloud()), settings)
    lookup = one.look_up_through(fresh_s=0.0)
    yield one
    await lookup.close()
    await one.crm.close()


def shown(watch: CrmWatch) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(watch.readings())
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_a_crm_that_cannot_be_mirrored_is_said_so_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as said:
        settings_with(tmp_path, "  kind: embedded\n  mirror: {}")
    assert str(said.value).startswith(f"{tmp_path / 'cti-bridge.yaml'}:5:")
    assert "cannot be mirrored" in str(said.value)


@pytest.mark.parametrize("mirror", ["{every: 1s}", "{every: 2h}", "{full: 1m}", "{every: soon}", "{often: 1m}", "yes"])
def test_a_mirror_has_times_that_make_sense(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(SettingsError):
        settings_with(tmp_path, f"{CLOUD}  mirror: {mirror}")


async def test_a_mirror_that_falls_behind_is_at_risk_and_says_why(
    watch: CrmWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = watch.mirror
    assert mirror is not None
    clock = SettableClock(1_700_000_000.0)
    monkeypatch.setattr(mirror, "_wall", clock)
    assert watch._lookup is not None
    condition = watch._lookup._condition
    condition.check_passed()
    assert watch.state() == (SourceState.UP, "")
    assert watch.figures() == {"kind": "amocrm", "answered_s_ago": None, "mirror_age_s": None}
    assert "cti_mirror_age_seconds" not in shown(watch)
    while not mirror.state.filled:
        await mirror.step()
    clock.now += 60
    assert watch.state() == (SourceState.UP, "")
    assert watch.figures()["mirror_age_s"] == 60.0
    assert shown(watch)["cti_mirror_age_seconds"] == 60.0
    clock.now += 540
    mirror.problem = "it answers 503"
    assert watch.state() == (SourceState.AT_RISK, "its mirror is 10 min old: it answers 503")
    condition.check_failed("no answer", 0.0)
    assert watch.state() == (SourceState.DOWN, "no answer")


def test_a_crm_that_is_too_slow_for_callers_is_at_risk(tmp_path: Path) -> None:
    watch = CrmWatch(EmbeddedCrm(tmp_path / "crm.sqlite"), settings_with(tmp_path, "  kind: embedded"))
    condition = watch.look_up_through(fresh_s=0.0)._condition
    condition.answered(0.0, on_time=True)
    for _ in range(3):
        assert watch.state() == (SourceState.UP, "")
        condition.was_late(parse_number("+74950000150", region="RU"), 0.1)
    assert watch.state() == (SourceState.AT_RISK, "it answers too late for callers")
    for _ in range(3):
        assert watch.state()[0] is SourceState.AT_RISK
        condition.answered(0.2, on_time=True)
    assert watch.state() == (SourceState.UP, "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kind: bitrix24, webhook: {secret_file: one}", "kind: bitrix24, webhook: {secret_file: other}"),
        ("kind: bitrix24, webhook: {secret_file: one}",
         "kind: amocrm, url: 'https://one.example', token: {secret_file: one}"),
        ("kind: amocrm, url: 'https://one.example', token: {secret_file: one}",
         "kind: amocrm, url: 'https://other.example', token: {secret_file: one}"),
    ],
    ids=["another portal", "another kind of CRM", "another account"],
)  # fmt: skip
async def test_nobody_is_shown_the_customers_of_another_company(tmp_path: Path, one: str, other: str) -> None:
    for name in ("one", "other"):
        (tmp_path / name).write_text(f"https://{name}.example/rest/1/geheim/")
    sources = []
    for crm in (one, other):
        settings = settings_with(tmp_path, f"  {{{crm}, mirror: {{}}}}")
        watch = CrmWatch(crm_of(settings), settings)
        assert watch.mirror is not None
        sources.append(watch.mirror.state.source)
        await watch.crm.close()
    assert sources[0] != sources[1]
    assert "geheim" not in "".join(sources)


async def test_the_mirror_lies_in_the_data_folder(watch: CrmWatch, tmp_path: Path) -> None:
    assert watch.mirror is not None
    await watch.mirror.step()
    assert mirror_path(load_settings(tmp_path / "cti-bridge.yaml")).is_file()


def test_without_a_mirror_the_crm_itself_is_asked(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "  kind: embedded")
    crm = EmbeddedCrm(tmp_path / "crm.sqlite")
    watch = CrmWatch(crm, settings)
    assert (watch.crm, watch.mirror) == (crm, None)
    watch.look_up_through(fresh_s=0.0)
    assert shown(watch)["cti_mirror_pages_total"] == 0.0
