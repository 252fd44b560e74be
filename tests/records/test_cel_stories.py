"""CEL of recorded stories leads to the same calls as AMI; and lines that are none of ours harm nobody."""

import pytest
from heard import NAMES, Listener, told, written

from cti_bridge.asterisk.records import cel, cel_lines
from cti_bridge.calls.events import CallerQueued, ChannelHungUp, LegRinging

APART_S = 0.02
"""How far two stamps of the same moment lie apart; 6 ms were seen."""


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_down_says_the_same_as_what_was_told(name: str) -> None:
    heard, read = Listener().hears(told(name)), Listener().finds_out(written(name))
    assert read.said() == heard.said()
    assert read.times() == pytest.approx(heard.times(), abs=APART_S)
    assert read.ends == heard.ends
    assert all(call.recovered for call in read.calls.values())


@pytest.mark.parametrize("name", NAMES)
def test_to_read_twice_changes_nothing(name: str) -> None:
    once = Listener().finds_out(written(name))
    said, times, ends = once.said(), once.times(), list(once.ends)
    twice = once.finds_out(written(name))
    assert (twice.said(), twice.times(), twice.ends) == (said, times, ends)


LINE = '"{event}","1795318695.125000","main-1.{u}","main-1.1","{name}","{number}","","s","{app}","{data}","{more}"\n'


def line(event: str, u: int = 1, **more: str) -> str:
    known = {"name": f"PJSIP/trunk-0000000{u}", "number": "+74950000150", "app": "", "data": "", "more": ""}
    return LINE.format(event=event, u=u, **(known | more))


CALLER = line("CHAN_START") + line("APP_START", app="Queue", data="sales,,,,")


@pytest.mark.parametrize(
    "who",
    [
        "Неждана",
        'Анна ""Ласка"" О\'Лири',
        "a,b,c",
        "первая\nвторая",
        'x""\n""HANGUP"",""1795318695.125000"",""main-1.9"",""main-1.9""',
        "\\",
        "<script>",
        "\x00\x1b[31m",
        "я" * 5_000,
    ],
)
def test_a_callers_name_is_no_more_than_his_name(who: str) -> None:
    lines, bad = cel_lines.parse(CALLER.replace('"+74950000150",""', f'"+74950000150","{who}"'))
    (event,) = cel.happened(lines, since=0, until=1e11)
    assert bad == 0
    assert isinstance(event, CallerQueued)
    assert (event.channel, event.queue, event.caller_id.name) == ("main-1.1", "sales", who.replace('""', '"'))


@pytest.mark.parametrize(
    ("broken", "count"),
    [
        ("nonsense\n", 1),
        ('"HANGUP","1795318695.125000","main-1.1"\n', 1),
        (line("HANGUP", more='{""hangupcause"":'), 1),
        (line("HANGUP", more='[""hangupcause""]'), 1),
        (line("HANGUP", more="[" * 100_000), 1),
        (line("HANGUP").replace('"main-1.1"', '""'), 1),
        (line("HANGUP").replace('"s"', '"s'), 1),
        (line("NEW_IN_ASTERISK_30"), 0),
    ],
)
def test_a_line_that_cannot_be_read_costs_itself_alone(broken: str, count: int) -> None:
    lines, bad = cel_lines.parse(broken + CALLER)
    events = list(cel.happened(lines, since=0, until=1e11))
    assert (bad, [type(event) for event in events]) == (count, [CallerQueued])


def test_a_caller_of_another_clock_is_moved_to_ours() -> None:
    lines, _ = cel_lines.parse(CALLER, later_s=3600.0)
    (event,) = cel.happened(lines, since=1795318695.125 + 3599, until=1e11)
    assert event.at == 1795318695.125 + 3600


def test_what_was_before_is_not_told_again_but_known() -> None:
    text = CALLER + line("CHAN_START", u=2, name="PJSIP/101-00000002").replace("95.125", "96.125")
    lines, _ = cel_lines.parse(text)
    (event,) = cel.happened(lines, since=1795318696.0, until=1e11)
    assert isinstance(event, LegRinging)
    assert (event.caller, event.queue, event.interface) == ("main-1.1", "sales", "PJSIP/101")


def test_what_is_later_than_the_snapshot_is_left_to_ami() -> None:
    text = CALLER + line("HANGUP", more='{""hangupcause"":16}').replace("95.125", "97.000")
    lines, _ = cel_lines.parse(text)
    assert not any(isinstance(event, ChannelHungUp) for event in cel.happened(lines, since=0, until=1795318696.0))
