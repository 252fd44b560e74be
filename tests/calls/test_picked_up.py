"""A colleague picks a ringing call up, and the PBX stops the phone that rang before it says who answered."""

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.events import CallOffered, ChannelHungUp, LegAnswered, LegPickedUp, LegRinging
from cti_bridge.calls.pops import PopChange, PopEvent, Reason, changes
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId

OLGA, ZOYA = OperatorId("olga"), OperatorId("zoya")
OWNERS = {"PJSIP/101": OLGA, "PJSIP/103": ZOYA}
T, A, P = ChannelId("main-1795288011.1"), ChannelId("main-1795288011.2"), ChannelId("main-1795288011.3")


def test_the_pop_says_who_took_the_call_though_the_phone_was_stopped_first() -> None:
    book = CallBook("main", is_operator_phone=OWNERS.__contains__)
    told: list[PopChange] = []
    for event in (
        CallOffered(1.0, CallId(T), T, T),
        LegRinging(2.0, A, "PJSIP/101-1", "PJSIP/101", T, "PJSIP/trunk-1", T, "sales"),
        LegPickedUp(3.0, P, "PJSIP/103-1", "PJSIP/103", target=A),
        ChannelHungUp(3.001, A),
        LegAnswered(3.002, P, "PJSIP/103-1", "PJSIP/103", T),
        ChannelHungUp(9.0, P),
        ChannelHungUp(9.001, T),
    ):
        for change in book.apply(event):
            told += changes(change.before, change.after, OWNERS.get)
    assert told == [
        PopChange(OLGA, PopEvent.RINGING),
        PopChange(ZOYA, PopEvent.ANSWERED),
        PopChange(OLGA, PopEvent.WITHDRAWN, Reason.ANSWERED_ELSEWHERE, ZOYA),
        PopChange(ZOYA, PopEvent.ENDED),
    ]


def test_a_phone_picked_up_that_rang_for_no_call_of_ours_means_nothing() -> None:
    book = CallBook("main", is_operator_phone=OWNERS.__contains__)
    assert book.apply(LegPickedUp(3.0, P, "PJSIP/103-1", "PJSIP/103", target=A)) == []
