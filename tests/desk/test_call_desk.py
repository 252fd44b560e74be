"""When calls can be steered at all: only while it is known whose leg is whose."""

from unittest.mock import Mock

import pytest

from cti_bridge.desk.calls.call_desk import CallDesk
from cti_bridge.desk.calls.means import ALL
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.desk_settings import OutboundSettings
from cti_bridge.operators.directory import Directory


def desk_of(ami: Mock) -> CallDesk:
    return CallDesk(
        ami,
        Mock(followers=[], watchers=[]),
        OutboundSettings(),
        directory=lambda: Directory.of([]),
        rules=Mock(),
        region=lambda: "RU",
    )


def test_before_the_pbx_has_said_what_it_has_nothing_is_said_to_be_missing_and_pages_have_their_number_field() -> None:
    ami = Mock(connected=True, session_watchers=[])
    means = desk_of(ami).means
    (told,) = ami.session_watchers
    assert means.may_dial, "a page that comes now is told once, for as long as it stays"
    told(True)
    assert set(means.lacks().values()) == {"pbx_unasked"}
    assert "hangup" not in means.lacks()
    assert means.may_dial
    assert not means.can_dial
    with pytest.raises(CommandRefused) as refused:
        means.require("outbound")
    assert refused.value.code == "unavailable"
    means.learn(frozenset({"transfer", "hold"}))
    assert not means.lacks()
    assert not means.may_dial
    means.learn(frozenset())
    assert set(means.lacks().values()) == {"dialplan_old"}
    means.learn(ALL)
    told(False)
    assert means.may_dial, "it comes back"


def test_nothing_is_commanded_before_all_is_known_that_happened_while_the_pbx_could_not_be_heard() -> None:
    ami = Mock(connected=True, session_watchers=[])
    switchboard = Mock(followers=[], watchers=[])
    desk = CallDesk(
        ami, switchboard, OutboundSettings(), directory=lambda: Directory.of([]), rules=Mock(), region=lambda: "RU"
    )
    desk.means.learn(ALL)
    assert set(desk.means.lacks().values()) == {"pbx_down"}, "logged in, and no picture yet"
    (told,) = ami.session_watchers
    told(True)
    assert not desk.means.lacks()
    assert desk.means.can_dial
    told(False)
    assert set(desk.means.lacks().values()) == {"pbx_down"}
    assert switchboard.refresh_all.call_count == 3
