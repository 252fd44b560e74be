"""No secret of a CRM, and nobody's name or whole number, gets out by what goes wrong: whichever kind it is.

The CRM here answers with all that it was sent, as error pages do: address, headers and body.
"""

import asyncio
import base64
import contextlib
import io
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from customer_files import write
from empty_crm import EmptyCrm
from receiver import Behaviour, HttpReceiver

from cti_bridge.cli.crm_asking import ask
from cti_bridge.cli.main import main
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.mirror.source import FROM_THE_BEGINNING, Mirrorable
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import Capability, Probing
from cti_bridge.crm_opening import crm_of, links_path
from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.verdict import TryAgain
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import CustomerChanges, CustomerRecord, NewCustomer, Note
from cti_bridge.domain.ids import CallId, CustomerId
from cti_bridge.domain.number import CallerNumber, parse_number
from cti_bridge.reception.crm_reports import CrmSink
from cti_bridge.settings import Settings, load_settings

pytestmark = pytest.mark.slow

SECRET = "s3cretZz9QqVv7"
OTHER = "c0deXx5WwKk2Jj"
NAME, NUMBER = "Вера Ёлкина-Первоцвет", "+74950000150"
AMI = "data_dir: data\npbxes: [{region: RU, ami: {secret_file: ami.secret}}]\n"
TELLING = [
    SECRET,
    OTHER,
    base64.b64encode(f"cti:{SECRET}".encode()).decode(),
    NAME,
    quote(NAME),
    NUMBER.removeprefix("+"),
]

KINDS = {
    "generic, header": "kind: generic\n  url: {url}\n  auth: {header: {prefix: 'Bearer ', secret_file: one}}\n"
    "  find: {path: '/who/{e164}', customers: items, customer: {id: id, name: name}}\n"
    "  create: {method: POST, path: /new, body: {name: '{name}', phone: '{e164}'}, id: id}\n"
    "  report: {strangers: true, ended: {method: POST, path: /calls, body: {phone: '{e164}', who: '{customer_id}'}}}\n",
    "generic, basic": "kind: generic\n  url: {url}\n  auth: {basic: {username: cti, secret_file: one}}\n"
    "  find: {path: /who, query: {phone: '{e164}'}, customers: items, customer: {id: id, name: name}}\n",
    "generic, OAuth2": "kind: generic\n  url: {url}\n"
    "  auth: {oauth2: {token_url: '{url}/token', client_id: cti, client_auth: form, secret_file: one}}\n"
    "  find: {path: /who, query: {phone: '{e164}'}, customers: items, customer: {id: id, name: name}}\n",
    "bitrix24, webhook": "kind: bitrix24\n  webhook: {secret_file: hook}\n",
    "bitrix24, application": "kind: bitrix24\n  application: {portal: '{url}', authority: '{url}', client_id: local.1,"
    " client: {secret_file: one}, code: {secret_file: other}, user: 1}\n",
    "amocrm, token": "kind: amocrm\n  url: {url}\n  token: {secret_file: one}\n",
    "amocrm, OAuth2": "kind: amocrm\n  url: {url}\n  oauth: {client_id: die-id, redirect_uri: 'https://example.com/',"
    " client: {secret_file: one}, code: {secret_file: other}}\n",
    "vtiger": "kind: vtiger\n  url: {url}\n  user: cti\n  secret_file: one\n  phone_calls: {secret_file: other}\n",
    "vtiger cloud": "kind: vtiger\n  flavour: cloud\n  url: {url}\n  user: cti\n  secret_file: one\n"
    "  phone_calls: {secret_file: other}\n",
    "tryton": "kind: tryton\n  url: {url}\n  database: company\n  user: cti\n  secret_file: one\n",
    "sql, PostgreSQL": "kind: sql\n  engine: postgresql\n  port: {port}\n  database: crm\n  user: cti\n"
    "  secret_file: one\n  queries: {find: 'SELECT id AS customer_id, name FROM people WHERE phone = :e164'}\n",
    "sql, MariaDB": "kind: sql\n  engine: mysql\n  port: {port}\n  database: crm\n  user: cti\n"
    "  secret_file: one\n  queries: {find: 'SELECT id AS customer_id, name FROM people WHERE phone = :e164'}\n",
}


async def _echo(request: web.Request) -> str:
    """All that it was sent, and somebody's name."""
    body = (await request.read()).decode("utf-8", "replace")
    return f"{request.method} {request.path_qs}\n{dict(request.headers)}\n{body}\n{NAME} {NUMBER}"


def _page(status: int) -> Behaviour:
    async def answer(request: web.Request) -> web.StreamResponse:
        text = f"<html><title>{status}</title><pre>{await _echo(request)}"
        return web.Response(status=status, text=text, content_type="text/html")

    return answer


def _said(status: int) -> Behaviour:
    async def answer(request: web.Request) -> web.StreamResponse:
        all_of_it = await _echo(request)
        wrong: dict[str, Any] = {"code": all_of_it, "message": all_of_it}
        return web.json_response(
            {
                "error": wrong if status == 200 else all_of_it,
                "error_description": all_of_it,
                "success": False,
                "detail": all_of_it,
                "validation-errors": [{"errors": [{"path": all_of_it, "code": all_of_it}]}],
            },
            status=status,
        )

    return answer


async def _elsewhere(request: web.Request) -> web.StreamResponse:
    location = f"https://elsewhere.example/?{quote(await _echo(request))}"
    return web.Response(status=302, headers={"Location": location})


async def _something_else(request: web.Request) -> web.StreamResponse:
    """Answers that look like good ones, and have all that was sent where something else should be."""
    told = await _echo(request)
    return web.json_response({"success": True, "result": {told: told}, "items": told, "_embedded": told, "id": told})


BODY = json.dumps(
    {
        "data": {
            "call": "main-1.1", "customer": "7", "queue": "sales", "outcome": "answered", "crm": "fresh",
            "operator": {"id": "op3", "crm_user": "7"}, "started_at": "2026-11-21T21:44:37+00:00",
            "answered_at": "2026-11-21T21:45:37+00:00", "ended_at": "2026-11-21T21:46:37+00:00", "direction": "inbound",
            "caller": {"number": NUMBER, "kind": "external"}, "did": "+74950000149", "recordings": [],
        }
    }
)  # fmt: skip

TROUBLES: dict[str, Behaviour] = {
    "a page, 200": _page(200), "a page, 401": _page(401), "a page, 403": _page(403), "a page, 500": _page(500),
    "JSON, 200": _said(200), "JSON, 400": _said(400), "JSON, 401": _said(401), "JSON, 503": _said(503),
    "elsewhere": _elsewhere, "something else": _something_else,
}  # fmt: skip


def settings_at(folder: Path, kind: str, *, url: str, port: int) -> Settings:
    """The settings with this CRM, and the files of its secrets."""
    secrets = {"ami.secret": "geheim", "one": SECRET, "other": OTHER, "hook": f"{url}/rest/1/{SECRET}/"}
    for name, text in secrets.items():
        write(folder / name, text + "\n")
    block = KINDS[kind].replace("{url}", url).replace("{port}", str(port))
    return load_settings(write(folder / "cti-bridge.yaml", f"{AMI}crm:\n  {block}"))


async def all_that_it_says(settings: Settings) -> list[str]:
    """Every word that comes of asking this CRM for everything: reasons, refusals, verdicts, and what things are."""
    links = SqliteLinks(links_path(settings))
    crm = crm_of(settings, links)
    number, customer = parse_number(NUMBER, region="RU"), CustomerId("7")
    said = [repr(crm), repr(settings), str(settings.crm.model)]
    lookup = Lookup(crm, deadline_s=20.0)
    answer = await lookup.find(number)
    said += [answer.error, repr(lookup.reason)]
    asking: list[Callable[[], Awaitable[object]]] = [
        crm.check, lambda: crm.find(number), crm.stages, lambda: crm.notes(customer, limit=5),
        lambda: crm.create(NewCustomer(NAME, NUMBER), key="k"),
        lambda: crm.update(customer, CustomerChanges(name=NAME)),
        lambda: crm.add_note(customer, Note(datetime.now(UTC), "olga", NAME), key="n"),
    ]  # fmt: skip
    if isinstance(crm, Probing):
        asking.append(crm.lacking)
    if isinstance(crm, Mirrorable):
        said.append(crm.account)
        asking.append(lambda: crm.changed_since(FROM_THE_BEGINNING))
    for question in asking:
        try:
            await question()
        except Exception as error:  # whatever it is: its words may stand in a log or in a list
            said += [str(error), repr(error)]
    sink = CrmSink(crm)
    for seq, moment in enumerate(sorted(sink.types), start=1):
        entry = Entry(CallId("main-1.1"), sink.name, seq, moment, "due", 0.0, 0, 0.0, "", BODY)
        said.append(repr(await sink.send(entry)))
    await lookup.close()
    await crm.close()
    await links.close()
    return said


@pytest.fixture(autouse=True)
def no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for his turn under a rate limit."""

    async def at_once(_pace: Pace, *, urgent: bool, within_s: float | None = None) -> None:
        pass

    monkeypatch.setattr(Pace, "take", at_once)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, by the libraries too, at the level that shows most."""
    lines = io.StringIO()
    handler, root = logging.StreamHandler(lines), logging.getLogger()
    handler.addFilter(lambda record: record.name != "aiohttp.access")  # the fake's own
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.setLevel(level)
    root.removeHandler(handler)


def commands_say(folder: Path, capsys: pytest.CaptureFixture[str], *, asking: bool) -> str:
    """What the commands print that ask the CRM or look at the settings."""
    config = ["--config", str(folder / "cti-bridge.yaml")]
    asked = [["crm", "check"], ["crm", "check", "--stages"], ["crm", "lookup", "84950000777", "--json"]]
    for command in ([*one, *config] for one in (["check", "--offline"], *(asked if asking else []))):
        main(command)
    told = capsys.readouterr()
    return told.out + told.err


def nothing_is_told(text: str) -> None:
    for secret in TELLING:
        assert secret not in text, f"{secret!r} in {text[max(0, text.find(secret) - 300) :][:600]!r}"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_crm_that_repeats_all_it_was_sent_gets_none_of_it_into_our_words(
    kind: str, tmp_path: Path, logged: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    async with HttpReceiver() as there:
        url = there.url.partition("/calls")[0]
        for name, behaviour in list(TROUBLES.items())[: 1 if kind.startswith("sql") else None]:  # those speak no HTTP
            there.behaviour = behaviour
            folder = tmp_path / re.sub(r"\W+", "-", name)
            folder.mkdir()
            (folder / "data").mkdir()
            settings = settings_at(folder, kind, url=url, port=there.port)
            nothing_is_told("\n".join(await all_that_it_says(settings)))
            printed = await asyncio.to_thread(commands_say, folder, capsys, asking=name == "a page, 401")
            assert "Traceback" not in printed
            nothing_is_told(printed)
            kept = [file for file in (folder / "data").rglob("*") if file.is_file()]
            assert all(file.stat().st_mode & 0o077 == 0 for file in kept), kept
            nothing_is_told("".join(file.read_bytes().decode("utf-8", "replace") for file in kept))
    assert there.arrivals or kind.startswith("sql")
    nothing_is_told(logged.getvalue())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_mistake_in_the_settings_is_told_without_any_secret(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets in the environment instead of files, in the wrong place, of the wrong kind, with what nobody can send."""
    settings_at(tmp_path, kind, url="http://127.0.0.1:9", port=9)
    config = tmp_path / "cti-bridge.yaml"
    good = config.read_text("utf-8")
    monkeypatch.setenv("CTI_TEST_SECRET", SECRET)
    wrong = [
        re.sub(r"secret_file: (one|other|hook)", "secret: ${CTI_TEST_SECRET}", good),
        re.sub(r"secret_file: (one|other|hook)", "secret: [${CTI_TEST_SECRET}]", good),
        re.sub(r"secret_file: (one|other|hook)", "sekret: ${CTI_TEST_SECRET}", good),
        re.sub(r"secret_file: (one|other|hook)", r"secret: ${CTI_TEST_SECRET}, secret_file: \1", good),
        good.replace("http://127.0.0.1:9", "http://cti:${CTI_TEST_SECRET}@127.0.0.1:9"),
    ]
    for text in wrong:
        config.write_text(text, "utf-8")
        with contextlib.suppress(SystemExit):
            nothing_is_told(await asyncio.to_thread(commands_say, tmp_path, capsys, asking=False))
    for file in ("one", "other", "hook"):
        (tmp_path / file).write_text(f"{SECRET}\n\u202e{OTHER}\n", "utf-8")
    config.write_text(good, "utf-8")
    nothing_is_told(await asyncio.to_thread(commands_say, tmp_path, capsys, asking=False))


class Defective(EmptyCrm):
    """A CRM whose adapter has a defect that says in its words whom it was asked about."""

    capabilities = frozenset(Capability)

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        raise KeyError(f"{NAME} {number.e164} {SECRET}")

    async def report(self, report: CallReport) -> None:
        raise KeyError(f"{NAME} {report.number} {SECRET}")


async def test_a_defect_in_an_adapter_is_told_by_its_place_and_not_by_its_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    crm = Defective()
    entry = Entry(CallId("main-1.1"), "crm", 3, ReportType.ENDED, "due", 0.0, 0, 0.0, "", BODY)
    verdict = await CrmSink(crm).send(entry)
    assert isinstance(verdict, TryAgain)
    assert "unexpected KeyError in test_p7_secrets.py" in verdict.reason

    def look_up() -> None:
        assert ask(crm, lambda: crm.find(parse_number(NUMBER, region="RU")), within_s=30) is None

    await asyncio.to_thread(look_up)
    told = capsys.readouterr()
    assert "unexpected KeyError in test_p7_secrets.py" in told.err
    nothing_is_told(verdict.reason + told.out + told.err)
