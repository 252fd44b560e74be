"""docs/reports.md against the product: the example event, the code to take one, the settings."""

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from receiver import SECRET
from standardwebhooks import Webhook, WebhookVerificationError
from test_reports import ENDED

from cti_bridge.delivery.reports import ReportType, Told, due
from cti_bridge.settings import load_settings

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "reports.md").read_text("utf-8")


def fence(language: str) -> str:
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert isinstance(text, str)
    return text


def real_event() -> dict[str, Any]:
    reports, _ = due(Told(), ENDED, now=2000.0, crm_user=lambda _: "r.zorina")
    event: dict[str, Any] = json.loads(reports[2].body)
    return event


def test_the_example_has_the_keys_of_a_real_event_and_its_times_agree() -> None:
    example, real = json.loads(fence("json")), real_event()

    assert list(example) == list(real)
    assert list(example["data"]) == list(real["data"])
    assert example["data"]["caller"].keys() == real["data"]["caller"].keys()
    assert example["data"]["operator"].keys() == real["data"]["operator"].keys()
    start, answer, end = (
        datetime.fromisoformat(example["data"][f"{what}_at"]) for what in ("started", "answered", "ended")
    )
    assert (answer - start).total_seconds() == example["data"]["wait_s"]
    assert (end - answer).total_seconds() == example["data"]["talk_s"]


def test_every_type_of_report_is_on_the_page_and_every_key_of_a_call_is_explained() -> None:
    assert {f"`{kind.value}`" for kind in ReportType} <= set(re.findall(r"`[^`\n]+`", PAGE))
    explained = set(re.findall(r"`([\w.]+)`", PAGE))
    real = real_event()["data"]
    assert {
        key for key in real if not key.endswith("_at") and key not in {"call", "caller", "did", "trunk"}
    } <= explained


def test_the_code_on_the_page_takes_an_event_once_and_a_strangers_never() -> None:
    namespace: dict[str, Any] = {}
    exec(fence("python"), namespace)  # the page's own code is what is tested
    take, taken = namespace["take"], set[str]()
    event = real_event()
    body = json.dumps(event).encode()
    at = datetime.fromtimestamp(int(time.time()), UTC)
    headers = {
        "webhook-id": event["id"],
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(event["id"], at, body.decode()),
    }

    assert take(SECRET, headers, body, taken) == event
    assert take(SECRET, headers, body, taken) is None
    with pytest.raises(WebhookVerificationError):
        take(SECRET, headers, body + b" ", set())


def test_the_settings_on_the_page_load(tmp_path: Path) -> None:
    (block,) = re.findall(r"^    reports:\n(?:     .*\n)+", PAGE, re.MULTILINE)
    (tmp_path / "ami.secret").write_text("geheim")
    (tmp_path / "crm-webhook.secret").write_text(SECRET)
    (tmp_path / "zammad.token").write_text("tok-en")
    lines = ["pbxes: [{ami: {secret_file: ami.secret}}]", *(line.removeprefix("    ") for line in block.splitlines())]
    (tmp_path / "cti-bridge.yaml").write_text("\n".join(lines) + "\n", "utf-8")

    assert [receiver.name for receiver in load_settings(tmp_path / "cti-bridge.yaml").reports] == ["crm", "desk"]


def test_the_bound_between_two_attempts_is_that_of_the_page() -> None:
    from cti_bridge.delivery.http_post import CONCURRENT
    from cti_bridge.delivery.verdict import FIRST_S, LONGEST_S
    from cti_bridge.http_peers import LONGEST_ASKED_S

    assert (FIRST_S, LONGEST_S, LONGEST_ASKED_S, CONCURRENT) == (1.0, 300.0, 3600.0, 8)
    assert "after 1 s, then about twice as long each time, up to 5 minutes" in PAGE
