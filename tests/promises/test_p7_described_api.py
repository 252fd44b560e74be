"""The API as it is described: requests that fit the description, and those that do not, never break the bridge."""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import pytest

from demo.bridge import Bridge
from promises.scene import PASSWORD

DOCS = Path(__file__).resolve().parents[2] / "docs"
SHIPPED = {"openapi.json": DOCS / "openapi.json", "websocket.json": DOCS / "websocket.json"}
"""What the bridge says of itself below `/api/v1`, and where that is shipped."""
EXAMPLES = "10"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
WITHIN_S = 300.0
pytestmark = [pytest.mark.unhurried, pytest.mark.timeout(WITHIN_S + 60)]


async def _described(bridge: Bridge, name: str = "openapi.json") -> str:
    async with aiohttp.ClientSession() as http, http.get(f"{bridge.page_url}/api/v1/{name}") as answer:
        assert answer.status == 200
        return json.dumps(await answer.json(), indent=2, ensure_ascii=False) + "\n"


async def _cookie(bridge: Bridge, operator: str) -> str:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{bridge.page_url}/api/v1/session", json={"login": operator, "password": PASSWORD}) as answer,
    ):
        assert answer.status == 200
        return answer.cookies["cti_session"].value


async def test_the_shipped_descriptions_are_those_of_the_bridge(bridge: Bridge) -> None:
    for name, shipped in SHIPPED.items():
        assert shipped.read_text("utf-8") == await _described(bridge, name), "renew it, as docs/architecture.md says"


async def test_no_request_breaks_the_bridge_whether_it_fits_the_description_or_not(
    bridge: Bridge, tmp_path: Path
) -> None:
    description = tmp_path / "openapi.json"
    description.write_text(await _described(bridge), "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", str(description), "--url", bridge.page_url,
        "--header", f"Cookie: cti_session={await _cookie(bridge, 'op1')}", "--no-color", "--checks", CHECKS,
        "--max-examples", EXAMPLES, "--generation-deterministic", "--phases", "coverage,fuzzing",
        "--exclude-operation-id", "sign_out", "--exclude-operation-id", "sign_in",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(WITHIN_S):
            printed, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, printed.decode("utf-8", "replace")[-8_000:]
    assert not bridge.events("command.failed")
    assert not bridge.events("request_failed")
