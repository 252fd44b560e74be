"""`cti-bridge outbox list | retry | drop`, on a file that a daemon may be using."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.record import CallRecord
from cti_bridge.cli.main import main
from cti_bridge.delivery import outbox
from cti_bridge.delivery.outbox import Choice
from cti_bridge.delivery.outbox_writer import OutboxWriter, Receiver
from cti_bridge.delivery.reports import ReportType
from cti_bridge.domain.ids import CallId, ChannelId


@pytest.fixture
def config(tmp_path: Path) -> list[str]:
    (tmp_path / "ami.secret").write_text("geheim\n")
    settings = {"data_dir": "data", "pbxes": [{"ami": {"secret_file": "ami.secret"}}]}
    (tmp_path / "cti-bridge.yaml").write_text(json.dumps(settings), "utf-8")
    (tmp_path / "data").mkdir()
    return ["--config", str(tmp_path / "cti-bridge.yaml")]


@pytest.fixture
async def path(tmp_path: Path, config: list[str]) -> Path:
    """A journal with two calls told of to `crm` and `desk`; the first report of the first call to `crm` is dead."""
    path = tmp_path / "data" / "calls.sqlite"
    types = frozenset(ReportType)
    writer = OutboxWriter(
        [Receiver("crm", types), Receiver("desk", types)],
        crm_user=lambda _: "",
        on_written=lambda: None,
        now=lambda: 2000.0,
    )
    journal = Journal(path, on_state=lambda *_: None, companion=writer)
    await journal.open()
    for number in (1, 2):
        journal.keep(
            CallRecord(
                CallId(f"main-{number}.1"),
                "main",
                ChannelId(f"{number}.1"),
                f"{number}.1",
                1000.0,
                "+74950000150",
                "external",
                "Ульяна",
                "+74950000149",
                "",
                False,
                ended_at=1010.0,
                outcome="abandoned",
            )
        )
    await journal.close(within_s=5.0)
    with closing(sqlite3.connect(path)) as connection, connection:
        first = outbox.entries(connection, Choice(sink="crm", call="main-1.1"), limit=1)[0]
        outbox.given_up(connection, first, reason="HTTP 410", now=2000.0)
    return path


def due(path: Path) -> list[tuple[str, str, int]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT call_id, sink, seq FROM outbox WHERE due_at IS NOT NULL ORDER BY call_id, sink"
        ).fetchall()


def test_the_list_says_what_waits_and_why_but_nothing_of_the_caller(
    path: Path, config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outbox", "list", "--json", *config]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 12
    assert main(["outbox", "list", "--state", "dead", *config]) == 0
    (row,) = capsys.readouterr().out.splitlines()
    assert row.endswith("main-1.1/1  HTTP 410")
    assert all(word in row for word in ("crm", "dead", "call.started", "1 attempt"))
    assert main(["outbox", "list", "--sink", "desk", "--call", "main-2.1", "--limit", "2", "--json", *config]) == 0
    out = capsys.readouterr().out
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["main-2.1/1", "main-2.1/2"]
    assert "4950000" not in out and "Ульяна" not in out
    assert main(["outbox", "list", "--sink", "nobody", *config]) == 1


def test_a_dead_letter_that_is_retried_goes_before_those_behind_it(
    path: Path, config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ("main-1.1", "crm", 2) in due(path)
    assert main(["outbox", "retry", "--sink", "crm", "--json", *config]) == 0
    assert json.loads(capsys.readouterr().out) == {"retried": 1}
    assert [place for place in due(path) if place[:2] == ("main-1.1", "crm")] == [("main-1.1", "crm", 1)]
    assert main(["outbox", "retry", *config]) == 1


def test_a_dead_letter_that_is_retried_while_the_next_one_is_under_way_is_the_only_one_due(
    path: Path, config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        under_way = outbox.entries(connection, Choice(sink="crm", state="waiting", call="main-1.1"), limit=1)[0]
    assert main(["outbox", "retry", "--sink", "crm", *config]) == 0
    with closing(sqlite3.connect(path)) as connection, connection:
        outbox.postponed(connection, under_way, due_at=3000.0, reason="HTTP 503")
    assert [place for place in due(path) if place[:2] == ("main-1.1", "crm")] == [("main-1.1", "crm", 1)]


def test_a_list_without_a_sensible_limit_is_a_list(path: Path, config: list[str]) -> None:
    assert main(["outbox", "list", "--limit", "9" * 30, *config]) == 0


def test_what_is_dropped_makes_way_for_the_next(
    path: Path, config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outbox", "drop", *config]) == 2
    assert "say which" in capsys.readouterr().err
    assert main(["outbox", "drop", "--state", "dead", *config]) == 0
    assert main(["outbox", "drop", "--call", "main-2.1", "--sink", "desk", *config]) == 0
    assert capsys.readouterr().out == "1 removed\n3 removed\n"
    assert [place[:2] for place in due(path)] == [("main-1.1", "crm"), ("main-1.1", "desk"), ("main-2.1", "crm")]


def test_without_a_journal_or_with_an_older_one_it_could_not_be_asked(
    config: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["outbox", "list", *config]) == 2
    assert "no journal yet" in capsys.readouterr().err
    with closing(sqlite3.connect(tmp_path / "data" / "calls.sqlite")) as older:
        older.execute("PRAGMA user_version = 1")
    for command in (["list"], ["retry"], ["drop", "--state", "dead"]):
        assert main(["outbox", *command, *config]) == 2
        assert "of another version" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "words"), [("retry", "wait again"), ("drop", "removed")])
def test_what_was_written_while_the_clock_was_ahead_is_found_like_the_rest(
    path: Path, config: list[str], capsys: pytest.CaptureFixture[str], command: str, words: str
) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        (number,) = connection.execute("UPDATE outbox SET state = 'dead', since = 2208988800.0").rowcount,  # fmt: skip
    assert number > 0
    assert main(["outbox", command, "--sink", "desk", *config]) == 0
    mine = capsys.readouterr().out
    assert main(["outbox", command, "--sink", "crm", *config]) in (0, 1)
    others = capsys.readouterr().out
    assert sum(int(said.split()[0]) for said in (mine, others)) == number
    assert words in mine


def test_what_is_dropped_is_gone_from_the_bytes_of_the_file(
    path: Path, config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = "Прасковья Долгих".encode()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE outbox SET body = ?", [told.decode() * 50])
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.read_bytes().count(told) > 0
    for sink in ("crm", "desk"):
        main(["outbox", "drop", "--sink", sink, *config])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.read_bytes().count(told) == 0


def test_a_call_says_how_far_it_has_been_told(
    path: Path, config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        (head,) = outbox.next_due(connection, "desk", limit=1)
        outbox.delivered(connection, head, now=2030.0)
    assert main(["calls", "show", head.call_id, *config]) == 0
    told = [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines() if line.startswith("told ")]
    assert told[0] == "crm: 0 of 3 reports, 2 waiting, 1 given up"
    assert told[1].startswith("desk: 1 of 3 reports, the last 1970-01-01T") and told[1].endswith(", 2 waiting")
    assert main(["calls", "show", head.call_id, "--json", *config]) == 0
    reports = json.loads(capsys.readouterr().out)["reports"]
    assert [(row["sink"], row["taken"], row["waiting"], row["dead"]) for row in reports] == [
        ("crm", 0, 2, 1),
        ("desk", 1, 2, 0),
    ]
