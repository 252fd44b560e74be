"""Receivers in the settings: what may stand there, and the words for what may not."""

import json
from pathlib import Path
from typing import Any

import pytest
from receiver import SECRET

from cti_bridge.settings import ReceiverKind, SettingsError, load_settings


def load(folder: Path, reports: dict[str, Any], *, secret: str = SECRET) -> Any:
    (folder / "ami.secret").write_text("geheim")
    (folder / "hook.secret").write_text(f"{secret}\n")
    file = folder / "cti-bridge.yaml"
    file.write_text(json.dumps({"pbxes": [{"ami": {"secret_file": "ami.secret"}}], "reports": reports}), "utf-8")
    return load_settings(file)


def hook(**changes: object) -> dict[str, object]:
    return {"name": "crm", "url": "https://crm.example/calls", "secret_file": "hook.secret", **changes}


def test_a_receiver_has_a_day_and_ten_seconds_unless_it_is_said(tmp_path: Path) -> None:
    (plain,) = load(tmp_path, {"webhooks": [hook()]}).reports
    assert (plain.kind, plain.timeout_s, plain.max_age_s) == (ReceiverKind.WEBHOOK, 10.0, 86_400.0)
    (quick,) = load(tmp_path, {"webhooks": [hook(timeout="500ms", max_age="2h")]}).reports
    assert (quick.timeout_s, quick.max_age_s) == (0.5, 7200.0)


def test_neither_address_nor_secret_is_shown_by_accident(tmp_path: Path) -> None:
    shown = repr(load(tmp_path, {"webhooks": [hook()]}).reports)
    assert "crm.example" not in shown and SECRET not in shown


@pytest.mark.parametrize(
    ("reports", "words"),
    [
        ({"webhooks": [hook(url="http://crm.example/calls")]}, "elsewhere than on loopback it must be https"),
        ({"webhooks": [hook(url="ftp://crm.example")]}, "not an address such as"),
        ({"webhooks": [hook(url="https://")]}, "not an address such as"),
        ({"webhooks": [hook(url="https://[::1")]}, "not an address such as"),
        ({"webhooks": [hook(url="https://crm.example:99999/")]}, "not an address such as"),
        ({"webhooks": [hook(url="https://u:p@crm.example/")]}, "no user, password or #"),
        ({"webhooks": [hook(url="file:///etc/passwd")]}, "not an address such as"),
        ({"webhooks": [hook(name="Наш CRM")]}, "`name`: string should match"),
        ({"webhooks": [hook(timeout="2m")]}, "must be from 100ms to 60s"),
        ({"webhooks": [hook(max_age="800h")]}, "must be from 1s to 720h"),
        ({"webhooks": [{"name": "crm", "url": "https://crm.example"}]}, "secret_file or secret is missing"),
        ({"webhooks": [hook()], "zammad": [hook()]}, "two receivers have the same name"),
        ({"webhooks": [hook(secret="whsec_x")]}, "a secret must not stand in this file"),
    ],
)
def test_a_mistake_is_told_at_its_place_without_the_address(
    tmp_path: Path, reports: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, reports)
    assert words in str(caught.value)
    assert "crm.example" not in str(caught.value).replace("https://crm.example/calls", "")


@pytest.mark.parametrize(
    "secret", ["geheim", "whsec_", "whsec_c2hvcnQ=", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "whsec_ü"]
)
def test_a_secret_that_cannot_sign_is_a_mistake(tmp_path: Path, secret: str) -> None:
    with pytest.raises(SettingsError, match="whsec_ and 24 to 64 bytes"):
        load(tmp_path, {"webhooks": [hook()]}, secret=secret)


def test_a_token_that_cannot_stand_in_an_address_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="part of a URL"):
        load(tmp_path, {"zammad": [hook()]}, secret="a/../b")
