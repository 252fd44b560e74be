"""P7 in a call: what a caller or a CRM calls himself arrives as text everywhere, and nothing of it is carried out."""

import json
from functools import partial
from urllib.parse import quote

import pytest
from hostile_texts import OWNED, TEXTS

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk, Frame
from demo.sip import Behaviour, Phones
from promises.scene import SALES, UNKNOWN, AtDesk, in_time, journalled, until, variable


def quoted(text: str) -> str:
    """The text as it stands between quotation marks in SIP; Asterisk keeps the backslashes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


NAMES = [text for text in TEXTS.values() if text.strip() and text.isprintable() and len(quoted(text).encode()) < 80]
"""What a channel keeps whole of a display name: 79 bytes."""
NAMES.remove("<unknown>")
NUMBERS = [
    *(TEXTS[name][:60] for name in ("dialplan function", "AGI command", "AMI action", "SQL", "terminal title")),
    *(TEXTS[name][:60] for name in ("parentheses", "right to left", "digits of other scripts", "quotes")),
    "7" * 200,
    '"\\',
    "anonymous",
]
DIDS = ["+74950000248", "00", "9" * 120, "7495*0000#248"] + [
    f"7{TEXTS[name][:50]}"
    for name in ("dialplan function", "dialplan variable", "parentheses", "AGI command", "quotes")
]


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
                text = quoted(name)
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
    name = '"Ёж" \\ ${SHELL(touch cti_owned)} $[1+1], {x};CTI_DECISION=fallback <script>'
    rows = bridge.folder / "hostile.csv"
    cell = name.replace('"', '""')
    rows.write_text(f'customer_id,name,number,deal_id,stage\nh-1,"{cell}",+74950000260,d-h,offer_sent\n', "utf-8")
    code, _, complaint = await bridge.run("crm", "import", str(rows))
    assert code == 0, complaint
    async with in_time(asterisk, "+74950000260") as caller:
        assert caller.decided == ("matched", "fresh", "sales")
        assert caller.cti("CUSTOMER_NAME") == "Ёж SHELL(touch cti_owned) 1+1 x CTI_DECISION=fallback <script>"
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
    assert not list(asterisk.workdir.rglob(OWNED))
    assert not [line for line in bridge.log if "Traceback" in line or '"level": "error"' in line]
