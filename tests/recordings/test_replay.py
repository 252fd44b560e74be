"""`record --replay`: a masked recording leads to its calls, always the same; what is wrong in a file is told by line.

`three_calls.jsonl` was made by `cti-bridge record --mask` beside a real Asterisk 22: a call whose first
phone refuses and whose second answers; one whose caller gives up while a phone rings; and one that asked by Stasis.
"""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.asterisk.recording import lines
from cti_bridge.cli.main import main

THREE_CALLS = Path(__file__).parent / "three_calls.jsonl"
HEADER, *SAID = THREE_CALLS.read_text("utf-8").splitlines()
LONG = "main-1795311535.14"
Replay = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Replay:
    """Replays lines (or bytes) as a file; exit code, stdout and stderr come back, the file is called FILE."""

    def play(*said: str | bytes, as_json: bool = True) -> tuple[int, list[str], list[str]]:
        file = tmp_path / "calls.jsonl"
        file.write_bytes(b"".join((text if isinstance(text, bytes) else text.encode()) + b"\n" for text in said))
        capsys.readouterr()
        code = main(["record", "--replay", str(file), *(["--json"] if as_json else [])])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.replace(str(file), "FILE").splitlines()

    return play


def calls(out: list[str]) -> dict[str, dict[str, Any]]:
    return {record["id"]: record for record in map(json.loads, out)}


def ami(t: float, event: str, **headers: str) -> str:
    return json.dumps({"t": t, "ami": {"Event": event, "Uniqueid": "main-1795306548.1", **headers}})


def test_the_calls_of_a_recording(replay: Replay) -> None:
    code, out, complaints = replay(HEADER, *SAID)

    assert (code, complaints) == (0, [])
    told = [
        (call["caller"], call["decision"]["rule"], call["queue"], call["rang"], call["operator"], call["outcome"])
        for call in calls(out).values()
    ]
    assert told == [
        ("+74950000000", "sales", "sales", ["op3", "op4"], "op4", "answered"),
        ("+74950000002", "default", "primary-consult", ["op1"], None, "abandoned"),
        ("+74950000003", "production", "production", ["op5"], "op5", "answered"),
    ]
    assert calls(out)[LONG]["answered_at"].startswith("2026-11-22T")


def test_for_a_person_it_looks_as_calls_show_does(replay: Replay) -> None:
    code, out, _ = replay(HEADER, *SAID, as_json=False)

    assert code == 0
    begins = [line.split()[1] for line in out if line.startswith("call ")]
    assert begins == [LONG, "main-1795311541.17", "main-1795311544.19"]
    assert out.count("") == 2
    assert any(line.startswith("decision     matched, rule sales, class sales") for line in out)


def test_the_same_file_leads_to_the_same_records(replay: Replay) -> None:
    assert replay(HEADER, *SAID) == replay(HEADER, *SAID)


def test_nothing_of_a_call_that_was_cut_off_is_invented(replay: Replay) -> None:
    answered = next(number for number, line in enumerate(SAID) if '"AgentConnect"' in line)
    code, out, _ = replay(HEADER, *SAID[: answered + 1])

    assert code == 0
    call = calls(out)[LONG]
    assert call["answered_at"] is not None
    assert (call["ended_at"], call["outcome"]) == (None, "")


def test_what_was_decided_in_shadow_mode_was_carried_out_for_nobody(replay: Replay) -> None:
    said = [json.loads(line) for line in SAID]
    for line in said:
        if "answer" in line:
            line["answer"]["variables"] = {"CTI_DECISION": ""}
    code, out, complaints = replay(HEADER, *map(json.dumps, said))

    assert (code, complaints) == (0, [])
    assert [call["decision"]["delivered"] for call in calls(out).values()] == [False] * 3


def test_what_happens_while_everything_is_listed_comes_after_the_list(replay: Replay) -> None:
    headers = {"Channel": "PJSIP/peer-a-00000001", "Linkedid": "main-1795306548.1", "CallerIDNum": "+74950000000"}
    listed = ami(2, "CoreShowChannel", **headers)
    waits = ami(2, "QueueEntry", Queue="sales")
    gone = ami(1, "Hangup", Timestamp="1795306550.5")
    asked, complete, failed = (json.dumps({"t": 1, "snapshot": stage}) for stage in ("asked", "complete", "failed"))

    _, out, _ = replay(HEADER, asked, listed, gone, waits, complete)
    (call,) = calls(out).values()
    assert (call["queue"], call["outcome"], call["recovered"]) == ("sales", "abandoned", True)
    assert call["caller"] == "+74950000000"

    code, out, complaints = replay(HEADER, asked, listed, waits, failed)
    assert (code, out, complaints) == (1, [], ["no call in this recording"])
    assert replay(HEADER, asked, listed, waits)[1] == [], "a list that never becomes complete"


def test_missing_messages_and_an_early_end_are_told(replay: Replay) -> None:
    code, out, complaints = replay(HEADER, *SAID, '{"t":20,"lost":7}', '{"t":21,"end":"the bridge stops\\u001b[2J"}')

    assert (code, len(out)) == (0, 3)
    assert complaints == [
        "7 messages are missing; calls may not be told to the end",
        "the recording ended: the bridge stops\\x1b[2J",
    ]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "not a recording: the first line has no `recording`"),
        ('{"recording":true}', "not a recording: the first line has no `recording`"),
        ('{"recording":2}', "a recording of form 2; this version reads form 1"),
        ('{"recording":1,"region":"RU"}', "`pbx` or `region` is missing"),
        (HEADER.replace('"RU"', '"../"'), "`pbx` or `region` is missing"),
        (HEADER.replace('"pbx":"main"', '"pbx":["main"]'), "`pbx` is no short text"),
        (HEADER.replace("2026-11-22T", "yesterday"), "`at` is no time"),
        (HEADER.replace("2026-11-22T", "9026-11-22T"), "`at` is no time"),
        (HEADER.replace('"op1"', "1"), "`phones` is not interfaces with operators"),
        (b"\xff\xfe\x00", "not JSON"),
        ("[" * 60_000, "not JSON"),
        ('{"recording":"' + "x" * 1_100_000 + '"}', "a line of more than 1048576 bytes"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(replay: Replay, header: str | bytes, why: str) -> None:
    assert replay(header, *SAID) == (2, [], [f"cti-bridge: FILE:1: {why}"])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("no JSON", "not JSON"),
        ("7", "not a JSON object"),
        ("[" * 60_000, "not JSON"),
        ('{"t":1,"ami":{"Event":"Hangup","CallerIDName":"\\ud800"}}', "not JSON"),
        ('{"t":NaN,"end":""}', "not JSON"),
        ('{"end":""}', "`t` is not the seconds since the beginning"),
        ('{"t":1e999,"end":""}', "`t` is not the seconds since the beginning"),
        ('{"t":-1,"end":""}', "`t` is not the seconds since the beginning"),
        ('{"t":true,"end":""}', "`t` is not the seconds since the beginning"),
        ('{"t":1}', "not `t` and one thing that was said"),
        ('{"t":1,"ami":{"Event":"x"},"agi":{}}', "not `t` and one thing that was said"),
        ('{"t":1,"sip":{}}', "what this line tells is not known"),
        ('{"t":1,"ami":{"Uniqueid":"1"}}', "`ami` does not have the form that it should"),
        ('{"t":1,"ami":{"Event":"Hangup","Uniqueid":7}}', "`ami` does not have the form that it should"),
        ('{"t":1,"ami":{"Event":"Hangup","Uniqueid":[]}}', "`ami` does not have the form that it should"),
        ('{"t":1,"ami":{"Event":"Hangup","Timestamp":"nan"}}', "`ami` does not have the form that it should"),
        ('{"t":1,"ami":{"Event":"Hangup","Timestamp":"99999999999"}}', "`ami` does not have the form that it should"),
        ('{"t":1,"agi":{"agi_uniqueid":["1"]}}', "`agi` does not have the form that it should"),
        ('{"t":1,"agi":{}}', "cannot be taken in (ValueError)"),
        ('{"t":1,"ari":{"channel":{"id":"1"},"args":["hang up"]}}', "cannot be taken in (NotAQuestion)"),
        ('{"t":1,"ari":{"channel":{}}}', "`ari` does not have the form that it should"),
        ('{"t":1,"answer":{"channel":"1","variables":{}}}', "`answer` does not have the form that it should"),
        ('{"t":1,"snapshot":"begun"}', "`snapshot` does not have the form that it should"),
        ('{"t":1,"snapshot":{}}', "`snapshot` does not have the form that it should"),
        ('{"t":1,"lost":0}', "`lost` does not have the form that it should"),
        ('{"t":1,"end":{}}', "`end` does not have the form that it should"),
        ('{"t":1,"end":"' + "x" * 300_000 + '"}', "a line of more than 65536 bytes"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_is_replayed(replay: Replay, line: str, why: str) -> None:
    code, out, complaints = replay(HEADER, *SAID[:20], line, "", *SAID[20:])

    assert (code, len(out)) == (1, 3)
    assert complaints == [f"FILE:22: {why}"]


def test_only_the_first_bad_lines_are_named(replay: Replay) -> None:
    _, _, complaints = replay(HEADER, *["?"] * 50)

    assert len(complaints) == 22
    assert complaints[-2:] == ["and 30 lines more", "no call in this recording"]


def test_a_file_without_end_is_not_read_to_its_end(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_FILE", 1024 * 1024)

    code, _, complaints = replay(HEADER, b"x" * 40_000_000)
    assert (code, complaints[0]) == (1, "FILE:2: a line of more than 65536 bytes")
    code, _, complaints = replay(HEADER, *['{"t":1,"end":"x"}'] * 100_000)
    assert (code, complaints[0].split(": ")[1]) == (1, "more than 1 MiB; from here on nothing is read")


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file, why in ((tmp_path / "nothing", "No such file or directory"), (tmp_path, "Is a directory")):
        assert main(["record", "--replay", str(file)]) == 2
        assert capsys.readouterr().err == f"cti-bridge: {file}: {why}\n"


@given(data=st.data())
def test_doubled_shuffled_and_missing_lines_are_harmless(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    picked = data.draw(st.lists(st.sampled_from(SAID), max_size=2 * len(SAID)))
    file = tmp_path_factory.mktemp("shuffled") / "calls.jsonl"
    file.write_text("\n".join([HEADER, *picked]), "utf-8")

    assert main(["record", "--replay", str(file), "--json"]) in (0, 1)


@given(
    line=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    kind=st.sampled_from([*lines.Kind, "t"]),
)
def test_any_json_is_understood_or_refused(line: object, kind: str) -> None:
    text = json.dumps({"t": 1.0, str(kind): line}).encode()
    ((number, found),) = lines.read_lines(BytesIO(text))
    assert number == 2
    assert isinstance(found, lines.Line | lines.BadLine)
