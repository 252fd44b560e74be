"""Masking: nobody's number or name gets out, the same stays the same, and what is masked stays as it is."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hostile_texts import TEXTS
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.asterisk.agi import contract as agi
from cti_bridge.asterisk.ami import sighting, translate
from cti_bridge.asterisk.ami.translate import Headers, PbxClock
from cti_bridge.asterisk.ari import contract as ari
from cti_bridge.asterisk.recording import samples, words
from cti_bridge.asterisk.recording.lines import Kind, line
from cti_bridge.asterisk.recording.masking import Masker, phones_of
from cti_bridge.asterisk.recording.samples import MAX_SAMPLES, NoSamplesLeft, Samples
from cti_bridge.domain.number import NumberKind, parse_number

T, A = "main-1795306548.0", "main-1795306548.1"
PHONE = "+74950000150"
NAME = "Капитолина Зимогорова"

national = st.integers(9_000_000_000, 9_999_999_999).map(str)
"""Ten digits of a Russian mobile number, which no sample looks like."""
writings: tuple[Callable[[str], str], ...] = (
    lambda digits: f"+7{digits}",
    lambda digits: f"7{digits}",
    lambda digits: f"8{digits}",
    lambda digits: digits,
    lambda digits: f"8 ({digits[:3]}) {digits[3:6]}-{digits[6:8]}-{digits[8:]}",
    lambda digits: f"sip:+7{digits}@provider.example",
)
names = st.text("абвгдежзиклмнопрстуфхцчшщэюя", min_size=6, max_size=12).map(str.capitalize)


def masker() -> Masker:
    return Masker(pbx="main", system="main", region="RU")


def event(number: str, name: str, peer: str = "trunk", **more: str) -> dict[str, str]:
    """A call rings at a phone, as AMI tells it."""
    return {
        "Event": "AgentCalled",
        "Timestamp": "1795306548.139577",
        "Channel": f"PJSIP/{peer}-00000000",
        "CallerIDNum": number,
        "CallerIDName": name,
        "AccountCode": name,
        "Exten": number,
        "Context": "from-trunk",
        "Uniqueid": T,
        "Linkedid": T,
        "DestChannel": f"Local/{number}@agents-0000002f;1",
        "DestConnectedLineNum": number,
        "DestConnectedLineName": name,
        "DestUniqueid": A,
        "MemberName": name,
        "Interface": f"PJSIP/{number}",
        "Queue": "sales",
        "X-Whatever": f"{name} {number}",
        "ApplicationData": f"agi://127.0.0.1/route/geheim,{number}",
        **more,
    }


def environment(number: str, name: str) -> dict[str, str]:
    """The same caller, as FastAGI asks about him."""
    return {
        "agi_request": f"agi://127.0.0.1:4573/route/geheim?{number}",
        "agi_network_script": "route/geheim",
        "agi_channel": "PJSIP/trunk-00000000",
        "agi_uniqueid": T,
        "agi_callerid": number,
        "agi_calleridname": name,
        "agi_callingpres": "0",
        "agi_dnid": number,
        "agi_accountcode": name,
        "agi_arg_1": number,
        "agi_arg_2": T,
        "agi_arg_5": name,
        "agi_arg_9": name,
    }


def channel(number: str, name: str) -> dict[str, object]:
    """The same caller in ARI's picture."""
    caller = {"number": number, "name": name}
    return {"id": T, "name": "PJSIP/trunk-00000000", "caller": caller, "connected": caller, "accountcode": name}


def all_masked(mask: Masker, number: str, name: str) -> list[Any]:
    """Everything that may be said of a caller, masked."""
    entered = ["route", number, T, "", "", name, "", "allowed", number, name]
    answer = {"CTI_CUSTOMER_NAME": name, "CTI_CUSTOMER_ID": f"k-{number}", "CTI_RULE": "vip", "CTI_OPERATOR": name}
    return [
        mask.phones({f"PJSIP/{name}": name}),
        mask.event(event(number, name)),
        mask.event(event(number, name, peer=name, Queue=f"q{number.lstrip('+')}")),
        mask.environment(environment(number, name)),
        mask.stasis(channel(number, name), entered),
        mask.answer(answer),
    ]


@given(digits=national, name=names, write=st.sampled_from(writings))
def test_no_number_and_no_name_gets_out(digits: str, name: str, write: Callable[[str], str]) -> None:
    said = json.dumps(all_masked(masker(), write(digits), name), ensure_ascii=False)

    assert digits not in re.sub(r"[ ()+-]", "", said)
    assert name.lower() not in said.lower()
    assert "geheim" not in said
    assert "CTI_CUSTOMER" not in said


@given(digits=st.lists(national, min_size=2, max_size=5, unique=True), written=st.data())
def test_the_same_number_is_the_same_sample_however_it_is_written(digits: list[str], written: st.DataObject) -> None:
    mask = masker()
    for _ in range(2):
        masked = [mask.number(written.draw(st.sampled_from(writings))(one)) for one in digits]
        keys = [parse_number(text, region="RU").key for text in masked]
        assert keys == [f"+749500000{number:02}" for number in range(len(digits))]


@pytest.mark.parametrize(
    ("written", "masked"),
    [
        ("+79161234567", "+74950000000"),
        ("79161234567", "74950000000"),
        ("89161234567", "84950000000"),
        ("9161234567", "4950000000"),
        ("8 (916) 123-45-67", "8 (495) 000-00-00"),
        ("sip:+79161234567@provider.example", "+74950000000"),
        ("+4930123456", "+74950000000"),
        ("+79161234567 доб. 12", "+74950000000"),
        ("104", "101"),
        ("7777777", "0000000"),
        ("ivanov", "peer-a"),
        ("anonymous", "anonymous"),
        ("<unknown>", "<unknown>"),
        ("", ""),
        ("sip:@ivanov.example", "anonymous"),
    ],
)
def test_a_number_stays_of_its_kind_and_in_its_writing(written: str, masked: str) -> None:
    assert masker().number(written) == masked
    assert parse_number(masked, region="RU").kind is parse_number(written, region="RU").kind


@pytest.mark.parametrize("region", ["RU", "DE", "US", "KZ"])
@pytest.mark.parametrize("written", ["+79161234567", "89161234567", "+4930123456", "030 123456", "104", "7777777"])
def test_the_kind_is_kept_in_every_region(region: str, written: str) -> None:
    mask = Masker(pbx="main", system="", region=region)
    before, after = (parse_number(text, region=region) for text in (written, mask.number(written)))

    assert after.kind is before.kind
    assert after.kind is not NumberKind.EXTERNAL or after.e164 == "+74950000000"


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("PJSIP/104-0000002f", "PJSIP/101-0000002f"),
        ("PJSIP/ivanov-0000002f", "PJSIP/peer-a-0000002f"),
        ("PJSIP/79161234567-0000002f", "PJSIP/74950000000-0000002f"),
        ("Local/104@agents-0000002f;2", "Local/101@agents-0000002f;2"),
        ("Local/104@agents/n", "Local/101@agents/n"),
        ("Local/s@agents-0000002f;1", "Local/s@agents-0000002f;1"),
        ("PJSIP/104-0000002f<ZOMBIE>", "PJSIP/101-0000002f<ZOMBIE>"),
        ("AsyncGoto/PJSIP/104-0000002f", "Other/peer-a"),
        ("ivanov", "peer-a"),
        ("", ""),
    ],
)
def test_the_middle_of_a_channels_name_is_masked(name: str, masked: str) -> None:
    assert masker().channel(name) == masked


def test_an_interface_has_no_number_of_a_channel_at_its_end() -> None:
    """A trunk or phone may be named with a number after a dash, which looks like what ends the name of a channel."""
    mask = masker()
    trunk = "PJSIP/msk-74950000777"
    assert mask.channel(f"{trunk}-0000002f") == "PJSIP/peer-a-0000002f"
    assert mask.phones({trunk: "anna"}) == {"PJSIP/peer-a": "op1"}
    told = mask.event({"Event": "QueueMemberStatus", "Interface": trunk, "StateInterface": trunk, "Location": trunk})
    assert set(told.values()) == {"QueueMemberStatus", "PJSIP/peer-a"}
    assert mask.answer({"CTI_OPERATOR_DIAL": f"{trunk}&PJSIP/104"}) == {"CTI_OPERATOR_DIAL": "PJSIP/peer-a&PJSIP/101"}


def test_of_events_that_somebody_elses_dialplan_sends_only_the_name_gets_out() -> None:
    """Their headers may be called as they like, and hold what they like, in words of Asterisk's too."""
    theirs = {"Event": "UserEvent", "UserEvent": "Lead", "Timestamp": "1795306548.139577"}
    said = {"Context": NAME, "Result": "k.zimogorova@provider.example", f"{NAME} Channel": "PJSIP/104", "Status": NAME}
    assert masker().event({**theirs, "Channel": "PJSIP/104-0000002f", "Uniqueid": T, **said}) == theirs
    ours = {"Event": "UserEvent", "UserEvent": "CtiFinal", "Uniqueid": T, "Final": "callback"}
    assert masker().event(ours) == ours


@pytest.mark.parametrize(
    ("chosen", "masked"),
    [
        ("main-1795306548.12", "main-1795306548.12"),
        ("1795306548.12", "1795306548.12"),
        ("432e35f0-af85-4f5d-8be9-3edc551e4bbd", "432e35f0-af85-4f5d-8be9-3edc551e4bbd"),
        ("ivanov-1795306548.12", "id-a"),
        ("call-to-79161234567", "id-a"),
        ("", ""),
    ],
)
def test_ids_that_asterisk_makes_are_kept_and_others_are_not(chosen: str, masked: str) -> None:
    assert masker().id(chosen) == masked


def test_a_name_is_the_same_in_ami_with_its_escapes_and_in_agi_without() -> None:
    mask = masker()
    told = mask.event({"Event": "Hangup", "CallerIDName": 'Капитолина \\"Капа\\" О\\\'Нил'})
    asked = mask.environment({"agi_calleridname": 'Капитолина "Капа" О\'Нил'})

    assert told["CallerIDName"] == asked["agi_calleridname"]
    assert told["CallerIDName"] != mask.name("Капитолина")


def test_a_number_in_place_of_a_name_is_masked_as_a_number() -> None:
    assert masker().event({"Event": "Hangup", "CallerIDNum": "104", "CallerIDName": "104"}) == {
        "Event": "Hangup",
        "CallerIDNum": "101",
        "CallerIDName": "101",
    }


def test_operators_are_known_by_their_phones_and_not_by_their_names() -> None:
    mask = masker()
    phones = mask.phones(phones_of([("k.zimogorova", ["PJSIP/204", "PJSIP/205"]), ("anna", ["PJSIP/anna"])]))

    assert phones == {"PJSIP/101": "op1", "PJSIP/102": "op1", "PJSIP/peer-a": "op2"}
    answer = mask.answer({"CTI_OPERATOR": "anna", "CTI_OPERATOR_DIAL": "PJSIP/anna&PJSIP/204"})
    assert answer == {"CTI_OPERATOR": "op2", "CTI_OPERATOR_DIAL": "PJSIP/peer-a&PJSIP/101"}


@given(callers=st.lists(st.tuples(national, names, st.sampled_from(writings)), min_size=1, max_size=6))
def test_what_is_masked_stays_as_it_is(callers: list[tuple[str, str, Callable[[str], str]]]) -> None:
    first, second = masker(), masker()
    for digits, name, write in callers:
        once = first.event(event(write(digits), name, peer=name))
        assert second.event(once) == once  # type: ignore[arg-type]
        asked = first.environment(environment(write(digits), name))
        assert second.environment(asked) == asked  # type: ignore[arg-type]


headers = st.sampled_from([*event("", ""), "DialStatus", "CallID"])


@given(message=st.dictionaries(headers, st.sampled_from(list(TEXTS.values()))))
def test_whatever_is_said_can_be_masked_and_written(message: dict[str, str]) -> None:
    mask = masker()
    json.dumps([mask.event(message), mask.environment(message), mask.stasis(message, [*message.values()])])


@pytest.mark.parametrize("nonsense", [None, 7, [], "x", {"caller": 7}, {"caller": {"number": ["1"]}, "id": None}])
def test_what_ari_should_not_say_is_taken_for_missing(nonsense: object) -> None:
    assert masker().stasis(nonsense, nonsense) == masker().stasis({}, [])


def test_whom_a_caller_is_sent_to_keeps_its_kind_and_no_operator() -> None:
    mask = masker()
    sent = {"Event": "UserEvent", "UserEvent": "CtiTransfer", "By": "anna", "To": "operator/boris", "State": "failed"}
    assert mask.event(sent) == {**sent, "By": mask.operator("anna"), "To": f"operator/{mask.operator('boris')}"}
    assert mask.event({**sent, "To": "queue/sales"})["To"] == "queue/sales"


def test_every_header_that_the_translation_reads_gets_through() -> None:
    source = "".join(Path(file).read_text("utf-8") for file in (translate.__file__, sighting.__file__))
    read = set(re.findall(r'\((?:message|entry), "([A-Z][\w-]+)"', source))

    assert {"Uniqueid", "Queue", "CallerIDNum", "BridgeId", "BridgeType"} <= read
    assert not [name for name in read if words.of_header(name) is None]


def recorded_events() -> list[Headers]:
    """What a real Asterisk said by AMI in three calls, with hostile names and numbers."""
    text = (Path(__file__).parent.parent / "ami" / "recordings" / "three_calls.ami").read_text("utf-8")
    blocks = [block.splitlines() for block in re.split(r"\n\n", text.replace("\r\n", "\n"))]
    return [headers for block in blocks if (headers := dict(line.split(": ", 1) for line in block if ": " in line))]


def test_masked_events_are_the_same_events() -> None:
    mask, seen = masker(), 0
    for headers in recorded_events():
        masked: Mapping[str, Any] = mask.event(headers)
        before, after = (translate.translate(said, 0.0, PbxClock()) for said in (headers, masked))
        assert type(before) is type(after)
        if before is not None and after is not None:
            seen += 1
            assert (before.at, getattr(before, "queue", "")) == (after.at, getattr(after, "queue", ""))
            assert getattr(before, "channel", "") == getattr(after, "channel", "")
            assert getattr(before, "leg", "") == getattr(after, "leg", "")
    assert seen > 20


def masked_again(file: Path) -> Iterator[str]:
    """The lines of a recording, each masked once more."""
    header, *said = map(json.loads, file.read_text("utf-8").splitlines())
    mask = Masker(pbx=header["pbx"], system=header["system"], region=header["region"])
    yield json.dumps({**header, "phones": mask.phones(header["phones"])}, ensure_ascii=False, separators=(",", ":"))
    for found in said:
        t = found.pop("t")
        ((kind, value),) = found.items()
        match kind:
            case Kind.AMI:
                value = mask.event(value)
            case Kind.AGI:
                value = mask.environment(value)
            case Kind.ARI:
                value = mask.stasis(value["channel"], value["args"])
            case Kind.ANSWER:
                value |= {"channel": mask.id(value["channel"]), "variables": mask.answer(value["variables"])}
        yield line(t, Kind(kind), value).removesuffix("\n")


def test_a_recording_that_is_masked_once_more_stays_as_it_is() -> None:
    file = Path(__file__).parent / "three_calls.jsonl"

    assert list(masked_again(file)) == file.read_text("utf-8").splitlines()


def test_a_masked_question_is_the_same_question() -> None:
    masked: Any = masker().environment(environment(PHONE, NAME))
    question = agi.read_request(masked)
    assert (question.uniqueid, question.linkedid) == (T, T)
    assert (question.caller_number, question.did) == ("+74950000000", "+74950000000")

    mask = masker()
    entered = ["route", "", T, "main-1795306548.0", "", "trunk-demo", "a", "prohib", "74950000149"]
    by_stasis: Any = mask.stasis(channel(PHONE, NAME), entered)
    same = ari.read_request(by_stasis["channel"], by_stasis["args"])
    assert (same.did, same.attestation, same.presentation_allowed) == ("74950000001", "A", False)
    assert (same.call_id, same.trunk, same.caller_number) == ("main-1795306548.0", "peer-b", "+74950000000")


def test_samples_do_not_repeat_and_come_to_an_end() -> None:
    for sample in (samples.subscriber, samples.extension, samples.unreadable, samples.person, samples.peer):
        assert len({sample(n) for n in range(MAX_SAMPLES)}) == MAX_SAMPLES
    given_out = Samples("numbers", samples.subscriber)
    for n in range(MAX_SAMPLES):
        given_out.of(str(n))
    assert given_out.of("0") == "+74950000000"
    with pytest.raises(NoSamplesLeft, match="more than 10000 different numbers"):
        given_out.of("one more")
