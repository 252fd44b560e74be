"""P7 against Asterisk's own words: a number with a line break in it cannot speak in Asterisk's place.

Asterisk writes a caller's number as it came into its events and into what it asks the bridge. The dialplan, the event
filter of manager.conf and the bridge make sure together that such a number is only a number.
"""

from functools import partial
from urllib.parse import quote

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.lab import Message
from demo.sip import Behaviour, Caller, Phones
from promises.scene import DID, SALES, UNKNOWN, AtDesk, calling, journalled, until, variable
from promises.screens import shows

pytestmark = [pytest.mark.unhurried, pytest.mark.usefixtures("staff")]

RINGS = Behaviour(answer_after=None)
FORGERIES = {
    "another call's hangup": "7\r\n\r\nEvent: Hangup\r\nUniqueid: {victim}\r\n\r\n7",
    "another call's channel": "7\r\nUniqueid: {victim}\r\nLinkedid: {victim}",
    "the end of Asterisk": "7\r\n\r\nEvent: Shutdown\r\nShutdown: Cleanly\r\nRestart: False\r\n\r\n7",
    "a restart of Asterisk": "7\r\n\r\nEvent: FullyBooted\r\nStatus: Fully Booted\r\n\r\n7",
    "another call's question": "7\nagi_uniqueid: {victim}\nagi_channel: x",
    "the end of the question": "7\nagi_arg_5: t\nagi_arg_6: A\n\n200 result=1\n200 result=1\n200 result=1\n",
}


@pytest.mark.parametrize("place", ["caller", "called"])
async def test_a_number_with_a_line_break_says_nothing_about_anybody(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk, place: str
) -> None:
    desk = await at_desk("op3")
    async with Phones(asterisk, {"103": RINGS, "104": RINGS}), calling(asterisk, SALES) as victim:
        await shows(desk, victim.call_id, state="ringing")
        for name, text in FORGERIES.items():
            forged = quote(text.format(victim=victim.channel), safe="")
            number, did = (forged, DID) if place == "caller" else (UNKNOWN, f"{DID}{forged[1:]}")
            began = asterisk.lab.mark()
            async with Caller(asterisk, number, did=did):
                stranger = await until(partial(_joined, asterisk, began))
                assert await variable(asterisk, stranger["Channel"], "CTI_DECISION") == "default", name
                call_id = await variable(asterisk, stranger["Channel"], "CTI_CALL_ID")
            assert call_id == stranger["Uniqueid"], name
            record = await journalled(bridge, call_id, ended=True)
            assert not set(record.caller + record.did) & set("\r\n"), name
            await shows(desk, victim.call_id, state="ringing")
            assert (await journalled(bridge, victim.call_id)).ended_at is None, name
    assert not [line for line in bridge.log if "asterisk.lost" in line or "agi.broken" in line]


def _joined(asterisk: AsteriskInstance, since: int) -> Message | None:
    """The stranger in the queue; his Newchannel cannot be read by anybody."""
    return next(iter(asterisk.lab.events("QueueCallerJoin", since=since, Queue="primary-consult")), None)
