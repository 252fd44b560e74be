"""The question as ARI brings it: the same one as by FastAGI, and nothing that strangers write breaks the reader."""

from typing import Any

import pytest
from fake_ari import ARGUMENTS, channel
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.asterisk.agi import contract as agi
from cti_bridge.asterisk.ari.contract import NotAQuestion, arguments_inside, read_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_the_question_is_the_one_that_fastagi_brings() -> None:
    assert read_request(channel(), ARGUMENTS) == agi.read_request(
        {
            "agi_channel": "PJSIP/trunk-1.1",
            "agi_uniqueid": "1.1",
            "agi_callerid": "+74950000150",
            "agi_calleridname": "Мария",
            "agi_callingpres": "0",
            "agi_language": "ru",
            "agi_dnid": "unknown",
            "agi_arg_1": "74950000149",
            "agi_arg_2": "main-1.1",
            "agi_arg_5": "trunk-demo",
            "agi_arg_6": "a",
        }
    )


@pytest.mark.parametrize(
    ("presentation", "allowed"),
    [
        ("", True),
        ("allowed", True),
        ("allowed_passed_screen", True),
        ("prohib_not_screened", False),
        ("unavailable", False),
    ],
)
def test_a_hidden_number_is_recognised(presentation: str, allowed: bool) -> None:
    request = read_request(channel(), [*ARGUMENTS[:7], presentation, ""])
    assert request.presentation_allowed is allowed


@pytest.mark.parametrize(
    ("argument", "cti_did", "dnid", "did"),
    [("1", "2", "3", "1"), ("", "2", "3", "2"), ("", "", "3", "3"), ("", "", "", ""), ("s", "", "", "")],
)
def test_the_dialled_number_is_the_first_one_that_is_there(argument: str, cti_did: str, dnid: str, did: str) -> None:
    request = read_request(channel(), ["route", argument, "main-1.1", "", cti_did, "", "", "", dnid])
    assert request.did == did


def test_arguments_that_are_not_there_are_empty() -> None:
    request = read_request({"id": "1.1"}, ["route"])
    assert (request.uniqueid, request.linkedid, request.caller_number, request.did) == ("1.1", "1.1", "", "")
    assert request.presentation_allowed


@pytest.mark.parametrize("arguments", [None, [], "route", ["other"], [None], {"0": "route"}, ["route,x"]])
def test_a_channel_that_asks_nothing_is_refused(arguments: Any) -> None:
    with pytest.raises(NotAQuestion):
        read_request(channel(), arguments)


@pytest.mark.parametrize("picture", [None, "1.1", [], {}, {"id": ""}, {"id": 7}, {"id": None}])
def test_a_channel_without_an_id_is_refused(picture: Any) -> None:
    with pytest.raises(NotAQuestion):
        read_request(picture, ARGUMENTS)


def test_halves_of_letters_become_letters_that_can_be_written_down() -> None:
    request = read_request(channel(caller={"name": "\ud83d", "number": "\udfff1"}), ARGUMENTS)
    assert (request.caller_name, request.caller_number) == ("?", "?1")


def test_only_a_channel_in_our_application_is_ours() -> None:
    assert arguments_inside(channel(), "cti-bridge") == ARGUMENTS
    assert arguments_inside(channel(application="other"), "cti-bridge") is None
    assert (
        arguments_inside(channel(dialplan={"app_name": "Queue", "app_data": "cti-bridge,route"}), "cti-bridge") is None
    )


@given(JSON, JSON, JSON, JSON, st.lists(JSON, max_size=12))
def test_no_event_breaks_the_reader(caller: Any, place: Any, name: Any, language: Any, arguments: list[Any]) -> None:
    picture = channel(caller=caller, dialplan=place, name=name, language=language)
    arguments_inside(picture, "cti-bridge")
    request = read_request(picture, ["route", *arguments])
    assert all(len(text) <= 256 for text in (request.caller_name, request.caller_number, request.did, request.call_id))


@given(JSON, JSON)
def test_whatever_comes_is_a_question_or_refused(picture: Any, arguments: Any) -> None:
    arguments_inside(picture, "cti-bridge")
    with pytest.raises(NotAQuestion):
        read_request(picture, arguments)
