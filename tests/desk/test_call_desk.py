"""When calls can be steered at all: only while it is known whose leg is whose."""

from unittest.mock import Mock

from cti_bridge.desk.calls.call_desk import CallDesk
from cti_bridge.desk.calls.means import ALL
from cti_bridge.operators.desk_settings import OutboundSettings
from cti_bridge.operators.directory import Directory


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
