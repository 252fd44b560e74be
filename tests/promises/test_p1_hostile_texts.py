"""P7 in a call: what a caller or a CRM calls himself arrives as text everywhere, and nothing of it is carried out."""

import json
from functools import partial
from urllib.parse import quote

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk, Frame
from demo.sip import Behaviour, Phones
from promises.scene import SALES, UNKNOWN, AtDesk, in_time, journalled, until, variable

NAMES = [
    'Ёлкина "Лена" O\'Нил',
    "back\\slash\\",
    "<script>alert(1)</script>",
    "${SHELL(touch owned)} ${EPOCH} $[1+1]",
    "a,CTI_DECISION=matched,b;c",
    "'; DROP TABLE calls; --",
    "%0d%0aAction: Originate",
]
NUMBERS = [
    "${SHELL(touch owned)}",
    "+7495'0000201",
    "7" * 200,
    "\r\nAction: Originate",
    "<script>",
    "+7495" + "٠" * 7,
    '"\\',
    "anonymous",
]
DIDS = ["+74950000248", "00", "9" * 120, "7495*0000#248"]


@pytest.mark.usefixtures("staff")
async def test_a_callers_name_is_text_on_the_channel_the_page_and_in_the_journal(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    desks = [await at_desk("op1"), await at_desk("op2")]
    rings = Behaviour(answer_after=None)
    async with Phones(asterisk, {"101": rings, "102": rings}):
        for name in NAMES:
            async with in_time(asterisk, UNKNOWN, name=name) as caller:
                assert caller.decided == ("default", "none", "primary-consult")
                # Asterisk keeps the backslashes with which SIP quotes a quotation mark or a backslash.
                text = name.replace("\\", "\\\\").replace('"', '\\"')
                assert await variable(asterisk, caller.channel_name, "CALLERID(name)") == text
                frames = await until(partial(_seen, desks, caller.call_id))
                assert {frame.call["caller"]["name"] for frame in frames} == {text}
            assert (await journalled(bridge, caller.call_id, ended=True)).caller_name == text
    code, out, _ = await bridge.run("calls", "show", caller.call_id, "--json")
    assert (code, json.loads(out)["caller_name"]) == (0, NAMES[-1])
    _nothing_was_carried_out(asterisk, bridge)
    for name in NAMES:
        assert not [line for line in bridge.log if name in line or json.dumps(name, ensure_ascii=False)[1:-1] in line]


async def test_a_customers_name_cannot_become_dialplan(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    name = '"Ёж" \\ ${SHELL(touch owned)} $[1+1], {x};CTI_DECISION=fallback <script>'
    rows = bridge.folder / "hostile.csv"
    quoted = name.replace('"', '""')
    rows.write_text(f'customer_id,name,number,deal_id,stage\nh-1,"{quoted}",+74950000260,d-h,offer_sent\n', "utf-8")
    code, _, complaint = await bridge.run("crm", "import", str(rows))
    assert code == 0, complaint
    async with in_time(asterisk, "+74950000260") as caller:
        assert caller.decided == ("matched", "fresh", "sales")
        assert caller.cti("CUSTOMER_NAME") == "Ёж SHELL(touch owned) 1+1 x CTI_DECISION=fallback <script>"
    _nothing_was_carried_out(asterisk, bridge)


async def test_a_number_can_be_anything(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    for number in NUMBERS:
        async with in_time(asterisk, quote(number)) as caller:
            assert (caller.cti("DECISION"), caller.queue) == ("default", "primary-consult"), number
        assert (await journalled(bridge, caller.call_id, ended=True)).outcome == "abandoned"
    for did in DIDS:
        async with in_time(asterisk, SALES, did=quote(did, safe="+*#")) as caller:
            assert caller.decided == ("matched", "fresh", "sales"), did
    _nothing_was_carried_out(asterisk, bridge)


def _seen(desks: list[Desk], call_id: str) -> list[Frame]:
    return [frame for desk in desks for frame in desk.of_call(call_id)]


def _nothing_was_carried_out(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    assert not list(asterisk.workdir.rglob("owned"))
    assert not [line for line in bridge.log if "Traceback" in line or '"level": "error"' in line]
