"""`crm:` of the settings: a block for each kind of CRM, its mistakes at their place, its example good as it stands."""

import re
from pathlib import Path

import pytest
from customer_files import write

from cti_bridge.cli.main import parser
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
        ("crm:\n  kind: embedded\n  url: https://crm.example\n", "4:3: unknown key `url`"),
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
