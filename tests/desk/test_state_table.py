"""What becomes of an operator's state, one thing after another."""

from dataclasses import replace

import pytest
from state_stories import FIRST, LIMIT_S, MONDAY, SECOND, Story, after_a_talk, desk, restarted

from cti_bridge.operators.desk_settings import StateKind, WhenGone
from cti_bridge.operators.state_happenings import Pages, Pbx, SignedOut, Written
from cti_bridge.operators.state_table import STILL_WRITING_S, Missing
from cti_bridge.operators.states import Treatment, Why, confirmed, due, elsewhere
from cti_bridge.operators.states_taken_up import COME_BACK_S


def test_of_whom_nothing_is_known_nothing_is_wanted() -> None:
    story = Story()
    story.asterisk_says(False, False)
    assert (story.name, story.treatment) == ("ready", None)
    story.asterisk_says(True, True, reason="Zum Mittag")
    assert (story.name, story.state.why, story.treatment) == ("break", Why.PBX, None)
    story.asterisk_says(True, True, reason="lunch")
    assert story.name == "lunch"
    story.asterisk_says(True, False)
    assert (story.name, story.treatment) == ("ready", None)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("ready", Treatment(False)),
        ("lunch", Treatment(True, "lunch")),
        ("paperwork", Treatment(False, last=True)),
        ("signed_off", Treatment(True, "signed_off", stays=True)),
    ],
)
def test_a_state_says_how_asterisk_treats_him(state: str, wanted: Treatment) -> None:
    story = Story()
    story.asks(state)
    assert (story.name, story.treatment) == (state, wanted)


def test_it_counts_when_asterisk_has_it_in_all_queues() -> None:
    story = Story()
    story.happens(Pbx(True))
    story.asks("lunch")
    story.asterisk_says(True, False, reason="lunch")
    assert not confirmed(story.state, story.settings)
    story.asterisk_says(True, True, reason="lunch")
    assert confirmed(story.state, story.settings)
    story.happens(Pbx(False))
    assert not confirmed(story.state, story.settings)


def test_after_a_talk_there_is_time_and_it_ends_by_itself() -> None:
    story = after_a_talk(desk())
    assert (story.name, story.treatment) == ("wrap_up", Treatment(True, "wrap_up"))
    assert story.state.until == story.at.wall + LIMIT_S
    assert story.state.call is not None
    assert story.state.call.call == FIRST
    story.wait(LIMIT_S - 1)
    assert story.name == "wrap_up"
    story.wait(1)
    assert (story.name, story.state.why, story.treatment) == ("ready", Why.LIMIT, Treatment(False))


@pytest.mark.parametrize("by_s", [86400.0, -86400.0, 3.0])
def test_setting_the_clock_neither_shortens_nor_lengthens_it(by_s: float) -> None:
    story = after_a_talk(desk())
    story.wait(10)
    story.clock_is_set(by_s)
    story.wait(LIMIT_S - 11)
    assert story.name == "wrap_up"
    story.wait(1)
    assert story.name == "ready"


def test_without_a_limit_there_is_none() -> None:
    story = after_a_talk(desk(limit_s=0))
    assert story.name == "ready"


def test_a_talk_with_a_colleague_leaves_nothing_to_write_down() -> None:
    story = Story()
    story.asks("ready")
    story.talks()
    story.hangs_up(outside=False)
    assert story.name == "ready"


def test_finish_now_ends_it() -> None:
    story = after_a_talk(desk())
    story.finishes()
    assert (story.name, story.state.why) == ("ready", Why.ASKED)


def test_what_is_required_holds_it() -> None:
    story = after_a_talk(desk(required=("outcome", "note")), missing=("outcome", "note"))
    with pytest.raises(Missing, match="note, outcome"):
        story.finishes()
    with pytest.raises(Missing):
        story.asks("lunch")
    story.wait(LIMIT_S)
    assert (story.name, story.state.overdue, due(story.state)) == ("wrap_up", True, None)
    story.happens(Written(FIRST, {"note"}))
    assert (story.name, story.state.missing) == ("wrap_up", frozenset({"note"}))
    story.happens(Written(FIRST, frozenset()))
    assert story.name == "wrap_up", "the page saves while he types"
    story.wait(STILL_WRITING_S - 1)
    story.happens(Written(FIRST, frozenset()))
    story.wait(STILL_WRITING_S - 1)
    assert story.name == "wrap_up"
    story.wait(1)
    assert (story.name, story.state.why) == ("ready", Why.LIMIT)


def test_what_is_written_in_time_does_not_cut_it_short() -> None:
    story = after_a_talk(desk(required=("note",)), missing=("note",))
    story.happens(Written(FIRST, frozenset()))
    assert story.name == "wrap_up"
    story.asks("lunch")
    assert story.name == "lunch"


def test_a_supervisor_may_end_it_whatever_is_missing() -> None:
    story = after_a_talk(desk(required=("note",)), missing=("note",))
    story.asks("signed_off", by="irina")
    assert (story.name, story.state.by) == ("signed_off", "irina")


def test_what_is_asked_for_during_a_talk_follows_it() -> None:
    story = Story()
    story.asks("ready")
    story.talks()
    story.asks("lunch", by="irina")
    assert (story.name, story.next) == ("ready", "lunch")
    assert story.treatment == Treatment(True, "lunch"), "or the next caller would be quicker"
    story.hangs_up()
    assert (story.name, story.next) == ("wrap_up", "lunch")
    story.wait(LIMIT_S)
    assert (story.name, story.state.by, story.state.why) == ("lunch", "irina", Why.ASKED)


def test_without_time_after_the_talk_it_follows_at_once() -> None:
    story = Story()
    story.asks("ready")
    story.talks()
    story.asks("lunch")
    story.hangs_up(outside=False)
    assert story.name == "lunch"


def test_he_may_think_better_of_it() -> None:
    story = Story()
    story.asks("ready")
    story.talks()
    story.asks("lunch")
    story.asks("ready")
    assert (story.next, story.treatment) == (None, Treatment(False))


def test_who_talks_while_away_is_away_again_afterwards() -> None:
    story = Story()
    story.asks("training")
    story.talks()
    story.hangs_up()
    assert story.name == "wrap_up"
    story.wait(LIMIT_S)
    assert story.name == "training"


def test_a_caller_who_comes_back_takes_the_place_of_the_time_after_him() -> None:
    story = after_a_talk(desk())
    story.wait(30)
    story.talks(FIRST)
    assert (story.name, story.state.why) == ("ready", Why.CALL)
    story.wait(3 * LIMIT_S)
    assert story.name == "ready"
    story.hangs_up(FIRST)
    assert story.state.until == story.at.wall + LIMIT_S


def test_what_was_to_follow_survives_the_caller_who_comes_back() -> None:
    story = Story()
    story.asks("ready")
    story.talks()
    story.asks("lunch")
    story.hangs_up()
    story.talks()
    assert (story.name, story.next, story.treatment) == ("ready", "lunch", Treatment(True, "lunch"))
    story.hangs_up()
    story.wait(LIMIT_S)
    assert story.name == "lunch"


def test_a_call_made_in_between_belongs_to_it() -> None:
    story = after_a_talk(desk(required=("note",)), missing=("note",))
    story.talks(SECOND)
    story.wait(2 * LIMIT_S)
    assert (story.name, story.state.overdue) == ("wrap_up", False), "nobody is called late while he talks"
    story.hangs_up(SECOND, missing=("note",))
    assert story.state.until == story.at.wall + LIMIT_S
    assert story.state.call is not None
    assert story.state.call.call == FIRST
    story.happens(Written(FIRST, frozenset()))
    assert story.state.call.call == SECOND
    with pytest.raises(Missing):
        story.finishes()
    story.happens(Written(SECOND, frozenset()))
    story.finishes()
    assert story.name == "ready"


def test_a_word_with_a_colleague_in_between_does_not_lengthen_it() -> None:
    story = after_a_talk(desk())
    story.talks(SECOND)
    story.wait(LIMIT_S + 5)
    assert story.name == "wrap_up"
    story.hangs_up(SECOND, outside=False)
    assert story.name == "ready"


def test_with_two_callers_it_begins_when_the_second_is_gone() -> None:
    story = Story()
    story.asks("ready")
    story.talks(FIRST)
    story.talks(SECOND)
    story.hangs_up(FIRST)
    assert story.name == "ready"
    story.wait(100)
    story.hangs_up(SECOND, outside=False)
    assert (story.name, story.state.until) == ("wrap_up", story.at.wall + LIMIT_S)


def test_nobody_is_kept_after_a_talk_that_was_over_long_ago() -> None:
    story = Story()
    story.asks("ready")
    story.talks()
    story.hangs_up(ago_s=LIMIT_S + 1)
    assert story.name == "ready"


def test_of_a_talk_that_was_over_a_moment_ago_the_rest_remains() -> None:
    story = Story()
    story.asks("ready")
    story.talks()
    story.hangs_up(ago_s=20)
    assert (story.name, story.state.until) == ("wrap_up", story.at.wall + LIMIT_S - 20)


def test_a_restart_takes_it_up_with_what_is_left_of_it() -> None:
    story = after_a_talk(desk())
    story.wait(10)
    again = restarted(story, after_s=20)
    assert (again.name, again.state.since, again.treatment) == ("wrap_up", MONDAY + 20, Treatment(True, "wrap_up"))
    again.wait(LIMIT_S - 31)
    assert again.name == "wrap_up"
    again.wait(1)
    assert again.name == "ready"


def test_what_ran_out_meanwhile_is_over_at_the_start() -> None:
    assert restarted(after_a_talk(desk()), after_s=3600).name == "ready"


def test_what_is_required_holds_it_over_a_restart() -> None:
    story = after_a_talk(desk(required=("note",)), missing=("note",))
    again = restarted(story, after_s=3600, missing=frozenset({"note"}))
    assert (again.name, again.state.overdue) == ("wrap_up", True)


def test_a_clock_set_back_meanwhile_does_not_lengthen_it() -> None:
    again = restarted(after_a_talk(desk()), after_s=-86400)
    again.wait(LIMIT_S)
    assert again.name == "ready"


def test_a_state_that_the_settings_have_no_longer_becomes_one_of_its_kind() -> None:
    story = Story()
    story.asks("training")
    story.settings = Story().settings
    fewer = tuple(state for state in story.settings.states if state.id != "training")
    story.settings = type(story.settings)(states=fewer)
    again = restarted(story, after_s=5)
    assert (again.name, again.state.kind) == ("break", StateKind.AWAY)


def test_somebody_else_paused_him_in_all_his_queues() -> None:
    story = Story()
    story.asks("ready")
    story.asterisk_says(False, False)
    story.asterisk_says(True, False, reason="Auto-Pause", foreign=True)
    assert (story.name, elsewhere(story.state, story.settings)) == ("ready", "paused")
    story.asterisk_says(True, True, reason="Auto-Pause", foreign=True)
    assert (story.name, story.state.why, story.treatment) == ("break", Why.PBX, Treatment(True, None))
    assert elsewhere(story.state, story.settings) is None
    story.asks("ready")
    assert (story.name, story.state.why, story.treatment) == ("ready", Why.ASKED, Treatment(False))


def test_a_pause_by_hand_in_some_queues_is_shown_again_after_a_call() -> None:
    story = Story()
    story.asks("ready")
    story.asterisk_has(by_hand=(True,), else_=(False,))
    story.talks()
    story.hangs_up()
    story.asterisk_has(by_hand=(True,), else_=(True,))
    assert (story.name, elsewhere(story.state, story.settings)) == ("wrap_up", None)
    story.wait(LIMIT_S)
    story.asterisk_has(by_hand=(True,), else_=(True,))  # something else is heard of him before our order is done
    story.asterisk_has(by_hand=(True,), else_=(True,))
    assert (story.name, story.treatment) == ("ready", Treatment(False))
    story.asterisk_has(by_hand=(True,), else_=(False,))
    assert (story.name, elsewhere(story.state, story.settings)) == ("ready", "paused")


def test_a_pause_by_hand_in_all_queues_during_the_time_after_a_call_is_his_state_when_that_is_over() -> None:
    story = after_a_talk(desk())
    story.asterisk_has(by_hand=(True, True))
    assert story.name == "wrap_up"
    story.wait(LIMIT_S)
    story.asterisk_has(by_hand=(True, True))
    assert (story.name, story.state.why) == ("break", Why.PBX)


def test_somebody_else_has_him_called_again() -> None:
    story = Story()
    story.asks("lunch")
    story.asterisk_says(True, reason="lunch")
    story.asterisk_says(False, foreign=True)
    assert (story.name, story.state.why) == ("ready", Why.PBX)


def test_what_was_not_done_yet_is_nobody_elses_work() -> None:
    story = Story()
    story.asterisk_says(False, False)
    story.asks("lunch")
    story.asterisk_says(False, False)
    story.asterisk_says(True, False, reason="lunch")
    assert (story.name, elsewhere(story.state, story.settings)) == ("lunch", None)


def test_signing_out_signs_off_whoever_has_a_state() -> None:
    story = Story()
    story.happens(SignedOut())
    assert story.name == "ready", "nobody ever said anything about him"
    story.asks("ready")
    story.talks()
    story.happens(SignedOut())
    assert (story.name, story.next) == ("ready", "signed_off")
    story.hangs_up(outside=False)
    assert (story.name, story.state.why) == ("signed_off", Why.SIGN_OUT)


@pytest.mark.parametrize(
    ("gone", "state", "becomes"),
    [
        (WhenGone.STAY, "ready", "ready"),
        (WhenGone.AWAY, "ready", "break"),
        (WhenGone.AWAY, "paperwork", "break"),
        (WhenGone.AWAY, "training", "training"),
        (WhenGone.SIGN_OFF, "training", "signed_off"),
    ],
)
def test_the_page_is_gone_for_too_long(gone: WhenGone, state: str, becomes: str) -> None:
    story = Story(desk(gone=gone))
    story.happens(Pages(2))
    story.asks(state)
    story.happens(Pages(1))
    story.wait(100)
    story.happens(Pages(0))
    story.wait(29)
    assert story.name == state
    story.wait(1)
    assert story.name == becomes


def test_a_page_that_comes_back_in_time_changes_nothing() -> None:
    story = Story(desk(gone=WhenGone.AWAY))
    story.happens(Pages(1))
    story.happens(Pages(0))
    story.wait(20)
    story.happens(Pages(1))
    story.wait(100)
    assert story.name == "ready"


def test_who_never_had_a_page_is_not_missed() -> None:
    story = Story(desk(gone=WhenGone.AWAY))
    story.asks("ready", by="irina")
    story.happens(Pages(0))
    story.wait(1000)
    assert story.name == "ready"


def test_who_talks_without_a_page_is_away_afterwards_unless_it_comes_back() -> None:
    story = Story(desk(gone=WhenGone.AWAY))
    story.happens(Pages(1))
    story.talks()
    story.happens(Pages(0))
    story.wait(30)
    assert (story.name, story.next) == ("ready", "break")
    story.happens(Pages(1))
    assert story.next is None


def test_after_a_restart_the_page_has_the_same_time_to_come_back() -> None:
    story = Story(desk(gone=WhenGone.AWAY))
    story.happens(Pages(1))
    story.asks("ready")
    again = restarted(story, after_s=600)
    again.wait(29)
    assert again.name == "ready"
    again.wait(1)
    assert (again.name, again.state.why) == ("break", Why.PAGE_GONE)


def test_what_somebody_else_did_before_he_asked_does_not_undo_what_he_asked_for() -> None:
    for talks in (False, True):
        story = Story()
        story.asks("ready")
        if talks:
            story.talks()
        story.asterisk_says(True, False, reason="Auto-Pause", foreign=True)
        story.asks("lunch")
        story.asks("ready")  # at once, before Asterisk has said a word
        story.asterisk_says(True, True, reason="lunch")
        assert (story.name, story.next, story.treatment) == ("ready", None, Treatment(False))
        story.asterisk_says(False, False)
        assert story.name == "ready"


@pytest.mark.parametrize("gone", [WhenGone.AWAY, WhenGone.SIGN_OFF])
def test_a_page_that_was_gone_during_a_talk_does_not_make_him_forget_his_lunch(gone: WhenGone) -> None:
    story = Story(desk(gone=gone, limit_s=0))
    story.happens(Pages(1))
    story.asks("ready")
    story.talks()
    story.asks("lunch")
    story.happens(Pages(0))
    story.wait(40)
    assert story.treatment == Treatment(True, "lunch")
    story.happens(Pages(1))
    story.hangs_up()
    assert story.name == "lunch"


def test_who_leaves_for_lunch_and_never_comes_back_is_signed_off_all_the_same() -> None:
    story = Story(desk(gone=WhenGone.SIGN_OFF, limit_s=0))
    story.happens(Pages(1))
    story.asks("ready")
    story.talks()
    story.asks("lunch")
    story.happens(Pages(0))
    story.wait(40)
    story.hangs_up()
    assert story.name == "lunch"
    story.wait(30)
    assert (story.name, story.state.why) == ("signed_off", Why.PAGE_GONE)


def test_a_restart_of_the_bridge_signs_nobody_off_whose_page_is_on_its_way_back() -> None:
    story = Story(replace(desk(gone=WhenGone.SIGN_OFF), gone_after_s=5.0))
    story.asks("ready")
    story.happens(Pages(1))
    again = restarted(story, after_s=1)
    again.wait(COME_BACK_S - 1)
    assert again.name == "ready"
    again.wait(1)
    assert again.name == "signed_off"


@pytest.mark.parametrize(
    ("gone", "state"), [(WhenGone.AWAY, "break"), (WhenGone.AWAY, "lunch"), (WhenGone.SIGN_OFF, "signed_off")]
)
def test_nobody_becomes_ready_after_a_talk_whose_page_was_gone_before_its_end(gone: WhenGone, state: str) -> None:
    story = Story(desk(gone=gone))
    story.happens(Pages(1))
    story.asks(state)
    story.talks()  # a direct call
    story.asks("ready")
    story.happens(Pages(0))
    story.wait(40)
    story.hangs_up(outside=False)
    assert (story.name, story.next) == (state, None)
