"""`rules diff --calls`: what the rules would have done with the calls that Asterisk itself wrote down.

`cdr/Master.csv` is what cdr_csv of a real Asterisk 22 wrote of three calls, `cdr/Sample.csv` the same by the sample
mapping of cdr_custom: one that was answered, one whose caller gave up, and one with a hidden number.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cti_bridge.cli import both_cores
from cti_bridge.cli.main import main

CUSTOMERS = """\
customer_id,name,number,deal_id,stage
k1,Берёзкин,+74950000150,d1,offer_sent
k2,Осинкина,+74950000151,d2,paid
k3,Ольхов,+74950000152,,
"""
RULES = """\
version: 1
timezone: Europe/Moscow
queues: {primary-consult: , sales: , production: }
lines: {"+74950000149": {channel: radio}}
trusted_trunks: [trunk-demo]
classes:
  - {name: sales, when: {deal.stage: [offer_sent]}}
  - {name: production, when: {deal.stage: [paid]}}
  - {name: new}
rules:
  - {name: production, when: {class: production}, verified_number: required, queue: production}
  - {name: sales, when: {class: sales}, queue: sales}
default: {queue: primary-consult}
"""
Diff = Callable[..., tuple[int, str, str]]


def record(src: str, *, number: int = 1, at: str = "2026-11-20 10:11:12", dst: str = "600", **more: str) -> str:
    channel = more.get("channel", f"PJSIP/trunk-demo-{number:08x}")
    context = more.get("context", "ext-queues")
    cells = [
        "",
        src,
        dst,
        context,
        f"<{src}>",
        channel,
        "",
        "Queue",
        "primary-consult",
        at,
        "",
        at,
        "9",
        "0",
        "NO ANSWER",
    ]
    return ",".join(f'"{cell}"' for cell in [*cells, "DOCUMENTATION", more.get("uniqueid", "")])


MONTH = [
    record("+74950000150", number=1),
    record("84950000151", number=2, dst="+74950000149"),
    record("+74950000152", number=3),
    record("+74950000159", number=4),
    record("+74950000150", number=5, at="2026-11-21 09:00:00", channel="PJSIP/other-00000005"),
]


@pytest.fixture
def diff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Diff:
    monkeypatch.setenv("AMI_SECRET", "x")
    (tmp_path / "c.yaml").write_text(
        'data_dir: data\npbxes: [{ami: {secret: "${AMI_SECRET}"}, staff_numbers: ["+74950000001"]}]\n', "utf-8"
    )
    (tmp_path / "new.yaml").write_text(RULES, "utf-8")
    (tmp_path / "customers.csv").write_text(CUSTOMERS, "utf-8")
    config = ["--config", str(tmp_path / "c.yaml")]
    assert main(["crm", "import", str(tmp_path / "customers.csv"), *config]) == 0

    def run(rows: list[str], *arguments: str) -> tuple[int, str, str]:
        (tmp_path / "Master.csv").write_text("".join(f"{row}\n" for row in rows), "utf-8")
        capsys.readouterr()
        files = [str(tmp_path / "new.yaml"), "--calls", str(tmp_path / "Master.csv")]
        code = main(["rules", "diff", *files, *arguments, *config])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_it_says_how_many_calls_would_skip_the_first_line(diff: Diff) -> None:
    code, out, err = diff(MONTH)

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("5 calls decided under no rules and rules ")
    assert "60.0 % of calls would skip the first line (primary-consult), before 0.0 %" in lines
    assert "primary-consult → sales: 2 (40.0 %)" in lines
    assert "primary-consult → production: 1 (20.0 %)" in lines
    assert any(line.split() == ["production", "production", "1", "20.0", "%"] for line in lines)
    assert "+74950000150" not in out
    assert "  2026-11-20T" in out


def test_lines_and_trunks_are_known_from_the_records(diff: Diff) -> None:
    told = json.loads(diff(MONTH, "--json")[1])

    assert [pair["to"] for pair in told["pairs"]] == ["sales", "production"]
    assert {(one["class"], one["queue"]): one["calls"] for one in told["class_queues"]} == {
        ("sales", "sales"): 2, ("production", "production"): 1, ("new", "primary-consult"): 2,
    }  # fmt: skip
    forged = record("+74950000151", channel="PJSIP/stranger-00000001")
    assert json.loads(diff([forged], "--json")[1])["moved"] == 0, "not a trusted trunk"


def test_another_version_can_be_compared_with(diff: Diff, tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(RULES.replace("when: {class: sales}, queue: sales", "queue: sales"), "utf-8")

    told = json.loads(diff(MONTH, "--json", "--rules", str(tmp_path / "old.yaml"))[1])

    assert [(pair["from"], pair["to"], pair["calls"]) for pair in told["pairs"]] == [("sales", "primary-consult", 2)]
    assert told["first_line"]["skipped_before"] == 5


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (record("101", context="from-internal"), "records of calls that do not come from outside"),
        (record("+7 495 000-00-01"), "records of calls that do not come from outside"),
        (record(""), "records of calls that do not come from outside"),
        (record("+74950000150", channel="Local/101@agents-00000001;2"), "further records of a call"),
        ("nothing", "records that cannot be read"),
        (record("+74950000150", at="2026-10-01 10:00:00"), "records of another time"),
    ],
    ids=["a colleague", "one's own number", "no number", "half of a Local channel", "broken", "too old"],
)
def test_what_is_no_call_from_outside_is_left_out_and_counted(diff: Diff, row: str, reason: str) -> None:
    told = json.loads(diff([*MONTH, row], "--json", "--since", "2026-11-01", "--until", "2026-12-01")[1])

    assert told["calls"] == len(MONTH)
    assert told["left_out"] == [{"reason": reason, "calls": 1}]


def test_of_several_records_of_one_call_the_first_counts(diff: Diff) -> None:
    again = record("+74950000150", number=1, at="2026-11-20 10:12:00", dst="sales")
    after_a_restart = record("+74950000150", number=1, at="2026-11-22 10:00:00")

    assert json.loads(diff([*MONTH, again], "--json")[1])["calls"] == 5
    assert json.loads(diff([*MONTH, after_a_restart], "--json")[1])["calls"] == 6
    same = [record("+74950000159", number=n, uniqueid="1795000000.7") for n in (1, 2)]
    assert json.loads(diff(same, "--json")[1])["calls"] == 1


@pytest.mark.parametrize("told_by", [("--context", "ext-queues"), ("--trunk", "trunk-demo", "--trunk", "trunk-b")])
def test_a_trunk_or_a_context_tells_calls_from_outside_better_than_numbers(
    diff: Diff, told_by: tuple[str, ...]
) -> None:
    elsewhere = record("+74950000150", number=3, context="outbound", channel="PJSIP/102-00000009")
    rows = [record(""), record("ivanov", number=2), elsewhere, record("101", number=4)]

    told = json.loads(diff(rows, "--json", *told_by)[1])

    assert told["calls"] == 2
    assert told["left_out"] == [
        {"reason": "records of another trunk or context", "calls": 1},
        {"reason": "records of calls that do not come from outside", "calls": 1},
    ]


@pytest.mark.parametrize("file", ["Master.csv", "Sample.csv"])
def test_records_of_a_real_asterisk(diff: Diff, file: str) -> None:
    rows = (Path(__file__).parent / "cdr" / file).read_text("utf-8").splitlines()

    told = json.loads(diff(rows, "--json", "--trunk", "trunk", "--limit", "0")[1])
    assert (told["calls"], told["left_out"]) == (3, [])
    told = json.loads(diff(rows, "--json", "--context", "cti-queue")[1])
    assert (told["calls"], told["left_out"]) == (3, [])
    told = json.loads(diff(rows, "--json")[1])
    assert (told["calls"], told["left_out"]) == (
        2, [{"reason": "records of calls that do not come from outside", "calls": 1}],
    )  # fmt: skip


def test_the_number_dialled_can_be_given(diff: Diff, tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text(RULES.replace("{class: sales}", "{line.channel: radio}"), "utf-8")

    assert json.loads(diff(MONTH[:1], "--json")[1])["moved"] == 0
    assert json.loads(diff(MONTH[:1], "--json", "--did", "8 (495) 000-01-49")[1])["moved"] == 1


def test_many_calls_on_several_processes_come_out_the_same(diff: Diff, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [record(f"+749500001{50 + n % 10}", number=n) for n in range(60)]
    alone = diff(rows, "--json")
    monkeypatch.setattr("cti_bridge.cli.recorded_calls.PART", 5)
    monkeypatch.setattr(both_cores, "FEW_PARTS", 2)
    monkeypatch.setattr("cti_bridge.cli.rules_diff.processors", lambda: 2)

    assert diff(rows, "--json") == alone
    assert json.loads(alone[1])["calls"] == 60


def test_without_a_crm_nothing_is_said(diff: Diff, tmp_path: Path) -> None:
    (tmp_path / "data" / "crm.sqlite").unlink()

    code, out, err = diff(MONTH)

    assert (code, out) == (2, "")
    assert "crm.sqlite" in err


@pytest.mark.parametrize("rows", [["a,b"] * 200, []], ids=["another file", "empty"])
def test_a_file_without_calls_is_a_no(diff: Diff, rows: list[str]) -> None:
    code, _, err = diff(rows)

    assert code == (2 if rows else 1)
    assert ("none is a record" in err) == bool(rows)
