"""P5: what was seen of a call before the bridge was restarted counts afterwards as if nothing had happened."""

import pytest
from test_outbound_cards import Desks

from cti_bridge.calls.events import (
    CallerLeftQueue,
    CallerQueued,
    ChannelHungUp,
    Final,
    FinalReached,
    SeenChannel,
    Snapshot,
)
from cti_bridge.domain.ids import ChannelId
from cti_bridge.reception.restored import restored

T, MOBILE = ChannelId("1.1"), ChannelId("1.2")


@pytest.mark.parametrize(
    ("final", "outcome"),
    [(Final.MESSAGE, "missed"), (Final.CALLBACK, "missed"), (Final.ELSEWHERE, "overflowed")],
)
async def test_a_caller_whom_the_dialplan_had_sent_on_is_still_one_whom_nobody_answered(
    final: Final, outcome: str
) -> None:
    desks = Desks()
    desks.switchboard.take(CallerQueued(1.0, T, T, "sales", name="PJSIP/trunk-00000001", interface="PJSIP/trunk"))
    desks.switchboard.take(FinalReached(2.0, T, final))
    written = desks.written[-1]
    await desks.switchboard.close()

    again = Desks()
    call, card = restored(written)
    again.switchboard.restore(call, card, written)
    caller = SeenChannel(T, "PJSIP/trunk-00000001", "PJSIP/trunk", T, False, False, "b-1")
    outside = SeenChannel(MOBILE, "PJSIP/trunk-00000002", "PJSIP/trunk", T, False, True, "b-1")
    again.switchboard.resync(Snapshot(3.0, (caller, outside) if final is Final.ELSEWHERE else (caller,)))
    again.switchboard.take(ChannelHungUp(9.0, T))
    await again.switchboard.close()
    assert (again.written[-1].outcome, again.written[-1].answered_at) == (outcome, None)


@pytest.mark.parametrize("final", [Final.MESSAGE, Final.CALLBACK])
async def test_a_caller_whom_the_last_queue_had_taken_meanwhile_gave_up_there_and_was_promised_nothing(
    final: Final,
) -> None:
    desks = Desks()
    desks.switchboard.take(CallerQueued(1.0, T, T, "sales", name="PJSIP/trunk-00000001", interface="PJSIP/trunk"))
    desks.switchboard.take(FinalReached(2.0, T, final))
    written = desks.written[-1]
    await desks.switchboard.close()

    again = Desks()
    again.switchboard.restore(*restored(written), written)
    waits = SeenChannel(T, "PJSIP/trunk-00000001", "PJSIP/trunk", T, False, False, "", queue="primary-consult")
    again.switchboard.resync(Snapshot(3.0, (waits,)))
    again.switchboard.take(CallerLeftQueue(9.0, T, "primary-consult"))
    again.switchboard.take(ChannelHungUp(9.0, T))
    await again.switchboard.close()
    assert (again.written[-1].outcome, again.written[-1].final) == ("abandoned", "queue")
