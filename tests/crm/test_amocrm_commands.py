"""Commands sign in to amoCRM and look somebody up there, also several at once beside a daemon, as the page says."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cti_bridge.crm.amocrm.settings import SETTINGS_EXAMPLE
from cti_bridge.crm.amocrm.sign_in import TOKEN_FILE
from fakes.amocrm import PIPELINES, USERS, FakeAmocrm

pytestmark = pytest.mark.slow

NUMBER = "+74950000150"
RULES = """
version: 1
region: RU
timezone: Europe/Moscow
classes: [{name: new}]
queues: {primary-consult: {timeout: 120s}}
default: {queue: primary-consult}
"""


@pytest.fixture
async def account() -> AsyncIterator[FakeAmocrm]:
    account = FakeAmocrm(per_s=None)
    await account.start()
    olga = account.add_contact("Ольга Трубина", (NUMBER,), responsible=USERS[0])
    account.add_lead(olga, "Кухня", PIPELINES[0][0], 31)
    yield account
    await account.stop()


@pytest.fixture
def config(account: FakeAmocrm, tmp_path: Path) -> Path:
    """The block of `crm init amocrm`, its lines for OAuth in force and with the code just copied."""
    block = SETTINGS_EXAMPLE.replace("https://example.amocrm.ru", account.url)
    for line in ("oauth:", "  client_id: ", "  redirect_uri: ", "  client: ", "  code: "):
        block = block.replace(f"  # {line}", f"  {line}")
    block = block.replace("11111111-2222-3333-4444-555555555555", "die-id")
    token = block.index("  token:\n")
    block = block[:token] + block[block.index("  # Instead of") :]
    files = {
        "routing.yaml": RULES,
        "ami.secret": "geheim",
        "amocrm.client": "das-geheimnis",
        "amocrm.code": account.code,
        "cti-bridge.yaml": "data_dir: data\nrules: routing.yaml\npbxes:\n  - name: main\n"
        "    ami: {host: 127.0.0.1, port: 5038, username: cti, secret_file: ami.secret}\n"
        f"    agi: {{host: 127.0.0.1, port: 4573}}\n{block}",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return tmp_path / "cti-bridge.yaml"


async def command(config: Path, *arguments: str) -> tuple[int, str, str]:
    """What a command in a process of its own gives back, prints and complains of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cti_bridge", "crm", *arguments, "--config", str(config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            printed, complained = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, printed.decode(), complained.decode()


async def test_a_check_signs_in_and_look_ups_at_the_same_moment_renew_once(account: FakeAmocrm, config: Path) -> None:
    code, printed, _ = await command(config, "check", NUMBER)
    assert code == 0
    assert "not tried: that would write into it" in printed
    kept = config.parent / "data" / TOKEN_FILE
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"expires_at": 1}))
    answers = await asyncio.gather(*(command(config, "lookup", NUMBER) for _ in range(2)))
    assert [(code, complained) for code, _, complained in answers] == [(0, "")] * 2
    assert all("Ольга Трубина" in printed for _, printed, _ in answers)
    assert account.renewals == 2
    assert json.loads(kept.read_text())["refresh"] == account.refresh


async def test_a_code_that_is_spent_is_told_of_without_it(account: FakeAmocrm, config: Path) -> None:
    account.code = "ein-neuer"
    code, printed, complained = await command(config, "check")
    assert (code, printed) == (2, "")
    assert "sign in anew" in complained
    assert "der-code" not in complained
    assert "das-geheimnis" not in complained
    (config.parent / "amocrm.code").write_text("ein-neuer")
    assert (await command(config, "check"))[0] == 0
