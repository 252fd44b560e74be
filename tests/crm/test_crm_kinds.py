"""`crm:` of the settings: a block for each kind of CRM, its mistakes at their place, its example good as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from customer_files import write

from cti_bridge.cli.main import main, parser
from cti_bridge.crm.kinds import KINDS
from cti_bridge.crm.port import Capability
from cti_bridge.crm_opening import crm_of
from cti_bridge.settings import Settings, SettingsError, load_settings

AMI = "pbxes: [{ami: {secret_file: ami.secret}}]\n"
KINDS_IN_TESTS = [pytest.param(kind, id=kind) for kind in KINDS]
SECRETS = {"bitrix24.webhook": "https://example.bitrix24.ru/rest/1/geheim/"}
"""Secrets that must look like something, by the names of their files in the examples."""


def secret_files(block: str) -> list[str]:
    """The files with secrets that a block names, except in its comments."""
    return re.findall(r"^[^#\n]*secret_file: *([^ ,}\n]+)", block, re.MULTILINE)


def settings_with(folder: Path, block: str) -> Settings:
    """The settings with this `crm:` block; every file that is to hold a secret is there."""
    for file in ("ami.secret", *secret_files(block)):
        write(folder / file, SECRETS.get(file, "geheim") + "\n")
    return load_settings(write(folder / "cti-bridge.yaml", AMI + block))


@pytest.mark.parametrize("kind", KINDS_IN_TESTS)
async def test_what_crm_init_prints_can_be_used_as_it_stands(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = parser().parse_args(["crm", "init", kind])
    assert arguments.func(arguments) == 0
    block = capsys.readouterr().out
    assert block == KINDS[kind].example
    settings = settings_with(tmp_path, block)
    assert settings.crm.kind == kind
    crm = crm_of(settings)
    assert crm.kind == kind
    assert crm.capabilities <= frozenset(Capability)
    await crm.close()
    await crm.close()


@pytest.mark.parametrize("kind", KINDS_IN_TESTS)
def test_what_every_kind_has_means_the_same_in_each(kind: str, tmp_path: Path) -> None:
    block = re.sub(r"^  fresh:.*\n", "", KINDS[kind].example, flags=re.MULTILINE).rstrip()
    assert settings_with(tmp_path, f"{block}\n  fresh: 5m\n").crm.fresh_s == 300
    with pytest.raises(SettingsError, match=r"`fresh`: not a duration such as 300ms"):
        settings_with(tmp_path, f"{block}\n  fresh: bald\n")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if secret_files(KINDS[kind].example)])
def test_a_secret_that_is_missing_is_a_mistake_at_its_place(kind: str, tmp_path: Path) -> None:
    block = re.sub(r"^([^#\n]*)secret_file: *[^ ,}\n]+", r"\1secret: ''", KINDS[kind].example, flags=re.MULTILINE)
    with pytest.raises(SettingsError, match=r"cti-bridge\.yaml:\d+:\d+: .*secret_file or secret is missing"):
        settings_with(tmp_path, block)


@pytest.mark.parametrize("kind", KINDS_IN_TESTS)
def test_a_key_that_is_unknown_to_the_kind_is_a_mistake_at_its_place(kind: str, tmp_path: Path) -> None:
    block = KINDS[kind].example.rstrip() + "\n  frehs: 1s\n"
    with pytest.raises(SettingsError) as caught:
        settings_with(tmp_path, block)
    line = (AMI + block).splitlines().index("  frehs: 1s") + 1
    assert f"cti-bridge.yaml:{line}:3: unknown key `frehs` (did you mean `fresh`?)" in str(caught.value)


def test_without_a_kind_it_is_the_embedded_one(tmp_path: Path) -> None:
    assert settings_with(tmp_path, "").crm.kind == "embedded"
    settings = settings_with(tmp_path, "crm: {path: people.sqlite, fresh: 2m}\n")
    assert (settings.crm.kind, settings.crm.path.name, settings.crm.fresh_s) == ("embedded", "people.sqlite", 120.0)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("crm: {kind: sugar}\n", "2:7: there is no CRM of the kind `sugar` (known: `embedded`, "),
        ("crm: {kind: bitrix}\n", "2:7: there is no CRM of the kind `bitrix` (did you mean `bitrix24`?)"),
        ("crm: {kind: [a]}\n", "2:7: there is no CRM of the kind"),
        ("crm: {kind: }\n", "2:7: there is no CRM of the kind"),
        ("crm: embedded\n", "2:1: `crm` must be keys with values"),
        ("crm: []\n", "2:1: `crm` must be keys with values"),
        ("crm:\n  kind: embedded\n  url: https://crm.example\n", "4:3: unknown key `url` (a key of `tryton`, "),
        ("crm: {kind: tryton, path: crm.sqlite}\n", "2:21: unknown key `path` (a key of `embedded`)"),
        ("crm:\n  webhook: {}\n", "3:3: unknown key `webhook` (a key of `bitrix24`; which one it is, `kind` says)"),
        ("crm: {stages: [{id: a, name: b}]}\n", "2:16: key `order` is missing"),
    ],
)
def test_a_mistake_is_told_at_its_place(block: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_with(tmp_path, block)
    assert f"cti-bridge.yaml:{complaint}" in str(caught.value)


@pytest.mark.parametrize("kind", KINDS_IN_TESTS)
def test_a_secret_that_cannot_be_read_is_told_before_anything_starts(kind: str, tmp_path: Path) -> None:
    block = KINDS[kind].example
    files = secret_files(block)
    if kind == "embedded":
        assert not files
        return
    settings = settings_with(tmp_path, block)
    for file in files:
        (tmp_path / file).unlink()
        with pytest.raises(SettingsError, match=rf"cti-bridge\.yaml:\d+:\d+: .*{re.escape(file)}: No such file"):
            load_settings(settings.file)
        with pytest.raises(SettingsError):
            crm_of(settings)
        write(tmp_path / file, SECRETS.get(file, "geheim") + "\n")


def test_only_the_kind_of_the_settings_is_loaded(tmp_path: Path) -> None:
    """The drivers of the others cost a bridge nothing, and one that is broken keeps nobody else from starting."""
    settings_with(tmp_path, "")
    program = (
        "import sys; from pathlib import Path; import cti_bridge.daemon; from cti_bridge.settings import load_settings;"
        " from cti_bridge.crm_opening import crm_of; crm_of(load_settings(Path(sys.argv[1])));"
        " print(*sorted(name for name in sys.modules if name.endswith('.settings') and '.crm.' in name))"
    )
    config = str(tmp_path / "cti-bridge.yaml")
    done = subprocess.run([sys.executable, "-c", program, config], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cti_bridge.crm.embedded.settings"]


@pytest.mark.parametrize("kind", KINDS_IN_TESTS)
def test_the_shipped_rules_are_good_with_what_crm_init_prints(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the CRM has stages of its own: which those are shows when it is asked."""
    settings_with(tmp_path, KINDS[kind].example)
    shipped = Path(__file__).resolve().parents[2] / "config" / "routing.yaml"
    write(tmp_path / "routing.yaml", shipped.read_text("utf-8"))
    assert main(["check", "--offline", "--config", str(tmp_path / "cti-bridge.yaml")]) == 0, capsys.readouterr().out
