"""Queues that the rules name and Asterisk does not have are told before a caller finds out."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from fake_asterisk import FakeAsterisk
from listener import Heard, at, connected

from cti_bridge.asterisk.ami.queues import CannotAsk, QueueWatch, ask_queues
from cti_bridge.cli.main import main
from cti_bridge.crm.embedded.importing import Listener, Source, import_customers
from cti_bridge.domain.customer import Stage, StageList
from cti_bridge.domain.staff import StaffNumbers
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.unknown_queues import unknown_queues

RULES = """\
version: 1
queues:
  sales: {timeout: 60s}
  Works: {timeout: 60s}
  slaes: {timeout: 60s}
  night: {timeout: 60s}
rules:
  - {name: paid, when: {deal.stage: paid}, queue: slaes}
default: {queue: sales}
"""
MISSING = (
    "5:3: {}Asterisk `main` has no queue `slaes` (did you mean `sales`?)",
    "6:3: {}Asterisk `main` has no queue `night` (it has reception, sales, works)",
)
SETTINGS = """\
data_dir: data
rules: r.yaml
pbxes:
  - {name: main, ami: {port: %d, username: cti, secret_file: ami.secret}}
"""


@pytest_asyncio.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as fake:
        fake.queues = ["sales", "works", "reception"]
        yield fake


def written(place: Path, port: int, rules: str = RULES) -> list[str]:
    """The command that checks these rules against the Asterisk on this port."""
    (place / "data").mkdir()
    (place / "ami.secret").touch(mode=0o600)
    (place / "ami.secret").write_text("geheim", "utf-8")
    (place / "r.yaml").write_text(rules, "utf-8")
    (place / "c.yaml").write_text(SETTINGS % port, "utf-8")
    return ["check", "--config", str(place / "c.yaml")]


def test_a_queue_is_missing_in_any_case_of_its_letters_only_where_asterisk_has_none() -> None:
    rules = load_rules(RULES)

    found = unknown_queues(rules, ["sales", "works", "reception"], "main")

    assert tuple(problem.format("r").removeprefix("r:") for problem in found) == tuple(
        line.format("") for line in MISSING
    )
    assert unknown_queues(rules, [], "main") == ()


async def test_check_names_them_and_says_no(
    asterisk: FakeAsterisk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = written(tmp_path, asterisk.port)

    assert await asyncio.to_thread(main, command) == 1
    assert capsys.readouterr().out.splitlines() == [f"{tmp_path}/r.yaml:{line.format('')}" for line in MISSING]


async def test_they_are_named_beside_what_can_never_match(
    asterisk: FakeAsterisk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = "  - {name: again, when: {deal.stage: paid}, queue: slaes}\n"
    command = written(tmp_path, asterisk.port, RULES.replace("default:", f"{again}default:"))

    assert await asyncio.to_thread(main, command) == 1
    hidden, *missing = capsys.readouterr().out.splitlines()
    assert "r.yaml:9:12: rule `again` can never match" in hidden
    assert missing == [f"{tmp_path}/r.yaml:{line.format('')}" for line in MISSING]


async def test_offline_nobody_is_asked(
    asterisk: FakeAsterisk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = written(tmp_path, asterisk.port)

    assert await asyncio.to_thread(main, [*command, "--offline"]) == 0
    assert capsys.readouterr().err == ""
    assert asterisk.actions == []


async def test_an_asterisk_that_does_not_answer_is_a_note_and_no_mistake(
    asterisk: FakeAsterisk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = written(tmp_path, asterisk.port)
    asterisk.secret = "another"

    assert await asyncio.to_thread(main, command) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[-1] == "Asterisk was not asked for its queues: AMI refused the login of user 'cti'"
    assert told[0].startswith("the CRM (embedded) was not asked for its stages: ")


async def test_stages_are_those_of_the_crm(
    asterisk: FakeAsterisk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asterisk.queues += ["slaes", "night"]
    command = written(tmp_path, asterisk.port, RULES.replace("deal.stage: paid", "deal.stage: bezahlt"))
    assert await asyncio.to_thread(main, command) == 1
    assert "r.yaml:8:37: stage `bezahlt` is not in the stage list" in capsys.readouterr().out

    (tmp_path / "c.csv").write_text("name,number\nЖанна Вымыслова,+74950000150\n", "utf-8")
    stages = StageList((Stage("bezahlt", "Bezahlt", 1, final=False),))
    source, into = Source(tmp_path / "c.csv"), tmp_path / "data" / "crm.sqlite"
    import_customers(source, into, region="RU", stages=stages, staff=StaffNumbers(), listener=Listener())

    assert await asyncio.to_thread(main, command) == 0
    assert capsys.readouterr().err == ""


async def test_asking_has_an_end(asterisk: FakeAsterisk) -> None:
    asterisk.silent.add("QueueSummary")
    with pytest.raises(CannotAsk, match=r"did not answer within 0\.2 s"):
        await ask_queues(at(asterisk.port), within_s=0.2)

    port = asterisk.port
    with pytest.raises(CannotAsk, match="wrong version number"):
        await ask_queues(replace(at(port), tls=ssl.create_default_context()), within_s=5)
    with pytest.raises(CannotAsk, match=r"\.invalid:\d+: (Name or service not known|Temporary failure)"):
        await ask_queues(replace(at(port), host="asterisk.invalid"), within_s=5)

    await asterisk.__aexit__()
    with pytest.raises(CannotAsk, match="refused"):
        await ask_queues(at(port), within_s=0.2)


async def test_the_bridge_knows_the_queues_when_asterisk_is_there_and_when_they_change(asterisk: FakeAsterisk) -> None:
    heard = Heard()
    seen: asyncio.Queue[frozenset[str]] = asyncio.Queue()
    async with connected(asterisk.port, heard) as ami:
        watch = QueueWatch(ami.ask, lambda: seen.put_nowait(watch.names), every_s=0.01, while_down_s=0.01)
        watching = asyncio.create_task(watch.run())
        async with asyncio.timeout(30):
            assert await seen.get() == {"sales", "works", "reception"}
            asterisk.queues.append("night")
            assert await seen.get() == {"sales", "works", "reception", "night"}
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
