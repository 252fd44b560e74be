"""`explain` and `check` as the admin meets them: answers on stdout, trouble on stderr, exit codes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from columns import in_words

from cti_bridge.calls.journal import AcceptedRules, Journal
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.cli.main import main
from cti_bridge.domain.ids import CallId, ChannelId
from cti_bridge.routing.load import load_rules

SHIPPED = (Path(__file__).parents[2] / "config" / "routing.yaml").read_text("utf-8")
CUSTOMERS = """\
customer_id,name,number,segment,responsible,deal_id,stage,amount
k1,Берёзкин,8 (495) 000-01-50,vip,op2,d1,awaiting_payment,250000
k2,Осинкина,+74950000151,,,d2,paid,
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AMI_SECRET", "x")
    (tmp_path / "c.yaml").write_text(
        'data_dir: data\nrules: routing.yaml\npbxes: [{name: main, ami: {secret: "${AMI_SECRET}"}}]\n', "utf-8"
    )
    (tmp_path / "routing.yaml").write_text(SHIPPED, "utf-8")
    (tmp_path / "customers.csv").write_text(CUSTOMERS, "utf-8")
    assert main(["crm", "import", str(tmp_path / "customers.csv"), "--config", str(tmp_path / "c.yaml")]) == 0
    return tmp_path


def explain(place: Path, *arguments: str) -> int:
    return main(["explain", "--config", str(place / "c.yaml"), *arguments])


def test_a_caller_is_explained_from_rules_and_crm(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert explain(place, "--caller", "+7 495 000-01-50", "--trunk", "trunk-demo") == 0

    lines = in_words(capsys.readouterr().out.splitlines())
    assert lines[0] == "+74950000150 goes to sales: the rule `vip` matched"
    assert "customer.name Берёзкин" in lines
    assert "rings first op2 (responsible), if free, for 15 s" in lines
    assert "decision matched, the rule `vip` matched" in lines
    took = [line.split() for line in lines[lines.index("time") + 1 :]]
    assert [name for name, *_ in took] == ["crm", "rules"]
    assert {unit for _, _, unit in took} <= {"ms", "µs"}


def test_the_number_that_is_dialled_can_be_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert explain(place, "--caller", "+7 495 000-01-51", "--did", "8 (495) 000-01-49") == 0

    lines = in_words(capsys.readouterr().out.splitlines())
    assert "line.channel radio" in lines
    assert "language ru" in lines


def test_json_is_nothing_but_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert explain(place, "--caller", "+74950000151", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["rule"], told["class"], told["customer_id"]) == ("production", "production", "k2")


def test_a_crm_that_cannot_be_asked_still_has_a_decision(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "data" / "crm.sqlite").unlink()
    capsys.readouterr()

    assert explain(place, "--caller", "+74950000150", "--did", "84950000149") == 0

    told = capsys.readouterr()
    lines = in_words(told.out.splitlines())
    assert any(line.startswith("unknown customer.id, ") for line in lines)
    assert "step 1 sales, 60 s" in lines
    assert "crm.sqlite" in told.err


@pytest.mark.parametrize("number", ["anonymous", "x\x1b[31m\ny"])
def test_any_caller_is_explained_without_harm(place: Path, capsys: pytest.CaptureFixture[str], number: str) -> None:
    capsys.readouterr()

    assert explain(place, "--caller", number) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_before_the_first_call_nothing_is_known_of_earlier_ones(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = SHIPPED.replace("rules:\n", "rules:\n  - {name: again, when: {call.first_time: false}, queue: sales}\n", 1)
    (place / "new.yaml").write_text(rules, "utf-8")
    capsys.readouterr()

    assert explain(place, "--caller", "+74950000151", "--rules", str(place / "new.yaml"), "--json") == 0

    told = capsys.readouterr()
    assert told.err == f"journal: {place}/data/calls.sqlite: there is no journal yet\n"
    assert "call.first_time" in json.loads(told.out)["unknown"]


def test_other_rules_can_be_tried(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "new.yaml").write_text("version: 1\nqueues: {desk: }\ndefault: {queue: desk}\n", "utf-8")
    capsys.readouterr()

    assert explain(place, "--caller", "+74950000151", "--rules", str(place / "new.yaml"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["queue"] == "desk"


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "No such file"), (b"\xff\xfe", "not UTF-8"), (b"version: 2\n", "routing.yaml:1:10: `version` must be 1")],
    ids=["missing", "not text", "bad"],
)
def test_rules_that_cannot_be_used_are_named(
    place: Path, capsys: pytest.CaptureFixture[str], text: bytes | None, words: str
) -> None:
    (place / "routing.yaml").unlink()
    if text is not None:
        (place / "routing.yaml").write_bytes(text)
    capsys.readouterr()

    assert explain(place, "--caller", "+74950000151") == 2

    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""


def test_check_names_every_mistake(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "routing.yaml").write_text(SHIPPED.replace("queue: sales\n", "queue: slaes\n"), "utf-8")
    capsys.readouterr()

    assert main(["check", "--config", str(place / "c.yaml")]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.endswith("queue `slaes` is not in `queues` (did you mean `sales`?)") for line in lines)


async def keep_call(place: Path, decision: DecisionRecord | None) -> None:
    journal = Journal(place / "data" / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    await journal.accept_rules(AcceptedRules(load_rules(SHIPPED).hash, SHIPPED, 1.0))
    call = CallId("main-1.1")
    journal.keep(
        CallRecord(call, "main", ChannelId("1.1"), "1.1", 1.0, "+74950000150", "external", "", "", "", False, decision)
    )
    await journal.close(within_s=5)


DECIDED = DecisionRecord(
    kind="matched",
    crm="fresh",
    crm_age_s=None,
    rule="production",
    class_name="production",
    queue="production",
    steps=(("production", 60),),
    final="queue:primary-consult",
    customer_id="k2",
    operator="",
    priority=None,
    rules_hash=load_rules(SHIPPED).hash,
    facts={
        "call.crm": "fresh",
        "customer.known": True,
        "customer.id": "k2",
        "deal.stage": "paid",
        "call.verified": True,
    },
    took_ms={"crm": 12.5, "rules": 0.21},
    skipped=(("op1", "is on the phone"),),
)


@pytest.fixture
async def kept(place: Path, request: pytest.FixtureRequest) -> Path:
    await keep_call(place, request.param)
    return place


@pytest.mark.parametrize("kept", [DECIDED], indirect=True)
def test_a_call_of_the_past_is_explained_under_the_rules_of_that_day(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept / "routing.yaml").write_text("version: 2\n", "utf-8")
    capsys.readouterr()

    assert explain(kept, "--call", "main-1.1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rule"] == "production"


@pytest.mark.parametrize("kept", [DECIDED], indirect=True)
def test_beside_a_call_of_the_past_stands_what_was_decided_then(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = SHIPPED.replace(
        "name: production\n    when: {class: production}", "name: works\n    when: {class: production}"
    )
    assert other != SHIPPED
    (kept / "new.yaml").write_text(other.replace("rule: production", "rule: works"), "utf-8")
    capsys.readouterr()

    assert explain(kept, "--call", "main-1.1") == 0
    lines = in_words(capsys.readouterr().out.splitlines())
    then = lines[lines.index("on the day") + 1 :]
    assert then[1] == "decided matched, rule production, class production, queue production"
    assert then[2] == f"explained by rules {load_rules(SHIPPED).hash[:12]} of that day"
    assert then[-3:] == ["time", "crm 12.5 ms", "rules 210 µs"]

    assert explain(kept, "--call", "main-1.1", "--rules", str(kept / "new.yaml")) == 0
    lines = in_words(capsys.readouterr().out.splitlines())
    assert f"explained by {kept}/new.yaml, which decide otherwise: see above" in lines

    assert explain(kept, "--call", "main-1.1", "--rules", str(kept / "new.yaml"), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rule"], told["on_the_day"]["rule"]) == ("works", "production")
    assert told["on_the_day"]["skipped"] == [{"operator": "op1", "reason": "is on the phone"}]
    assert told["took_ms"] == {"crm": 12.5, "rules": 0.21}


@pytest.mark.parametrize("kept", [DECIDED], indirect=True)
def test_a_slip_in_other_rules_is_told_and_not_explained(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = "version: 1\nqueues: {desk: }\nrules: [{name: it, when: {deal.stage: payed}, queue: desk}]\n"
    (kept / "new.yaml").write_text(f"{other}default: {{queue: desk}}\n", "utf-8")
    capsys.readouterr()

    assert explain(kept, "--call", "main-1.1", "--rules", str(kept / "new.yaml")) == 2
    assert "stage `payed` is not in the stage list (did you mean `paid`?)" in capsys.readouterr().err


@pytest.mark.parametrize("kept", [replace(DECIDED, rules_hash="ab" * 32)], indirect=True)
def test_where_the_rules_of_that_day_are_gone_the_present_ones_are_taken(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    assert explain(kept, "--call", "main-1.1", "--json") == 0
    said = capsys.readouterr()
    assert "the rules abababababab of that day are not kept any more; explained by the present ones" in said.err
    assert json.loads(said.out)["rule"] == "production"


@pytest.mark.parametrize("kept", [replace(DECIDED, delivered=False, shadow=True)], indirect=True)
def test_a_call_of_shadow_mode_is_explained_as_what_would_have_been(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    assert explain(kept, "--call", "main-1.1") == 0
    lines = in_words(capsys.readouterr().out.splitlines())
    assert "told nobody: the bridge was in shadow mode, the dialplan decided alone" in lines
    assert "decision matched, the rule `production` matched" in lines


def show(place: Path, *arguments: str) -> int:
    return main(["calls", "show", "main-1.1", *arguments, "--config", str(place / "c.yaml")])


@pytest.mark.parametrize("kept", [DECIDED], indirect=True)
def test_a_call_is_shown_with_why_it_went_there(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert show(kept) == 0
    lines = [line.partition(" ") for line in capsys.readouterr().out.splitlines()]
    why = [reason.strip() for name, _, reason in lines if name == "why"]
    assert "class production: holds" in why
    assert "rule production: matches" in why
    assert why[-1] == "decision: matched, the rule `production` matched"

    assert show(kept, "--json") == 0
    told = json.loads(capsys.readouterr().out)["why"]
    assert told["reason"] == "the rule `production` matched"
    production = next(one for one in told["classes"] if one["class"] == "production")
    assert (production["holds"], production["reason"]) == (True, "holds")


async def test_a_call_of_which_too_little_is_kept_is_shown_without_why(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for decision in (None, replace(DECIDED, facts={}), replace(DECIDED, rules_hash="ab" * 32)):
        await keep_call(place, decision)
        capsys.readouterr()

        assert show(place) == 0
        assert "\nwhy " not in capsys.readouterr().out
        assert show(place, "--json") == 0
        assert json.loads(capsys.readouterr().out)["why"] is None


@pytest.mark.parametrize("kept", [None], indirect=True)
@pytest.mark.parametrize(
    ("call", "words"), [("main-1.1", "the dialplan decided this call alone"), ("main-2.2", "no such call")]
)
def test_a_call_without_a_decision_of_ours_is_no_answer(
    kept: Path, capsys: pytest.CaptureFixture[str], call: str, words: str
) -> None:
    capsys.readouterr()

    assert explain(kept, "--call", call) == 1
    assert words in capsys.readouterr().err


def test_without_a_journal_a_call_cannot_be_explained(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert explain(place, "--call", "main-1.1") == 2
    assert "journal" in capsys.readouterr().err
