"""Every call story recorded from a real Asterisk is told the same when it has been masked."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from cti_bridge.asterisk.recording.lines import Header, Kind, header_line, line, read_header, read_lines
from cti_bridge.asterisk.recording.masking import Masker
from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.ids import CallId, ChannelId
from cti_bridge.reception.replay import replay

STORIES = sorted((Path(__file__).parent.parent / "calls" / "stories").rglob("*.ami"))
NOT_CALLS = ("click_to_call_refused", "service_number")
PHONES = {f"PJSIP/10{n}": f"op{n}" for n in range(1, 7)}


def events(story: Path) -> list[dict[str, str]]:
    text = story.read_text("utf-8").replace("\r\n", "\n")
    blocks = (dict(row.split(": ", 1) for row in block.split("\n") if ": " in row) for block in text.split("\n\n"))
    return [block for block in blocks if "Event" in block and "Timestamp" in block]


async def told(happened: list[dict[str, str]], said: list[object]) -> list[CallRecord]:
    """The records of a recording with these messages."""
    began = float(happened[0]["Timestamp"])
    header = Header("main", "main", "22", "0", began, "RU", PHONES)
    rows = [line(float(event["Timestamp"]) - began, Kind.AMI, one) for event, one in zip(happened, said, strict=True)]
    file = BytesIO((header_line(header) + "".join(rows)).encode())
    replayed = await replay(read_header(file.readline()), read_lines(file))
    assert replayed.bad == []
    return replayed.records


@pytest.mark.parametrize("story", [pytest.param(path, id=path.stem) for path in STORIES])
async def test_a_masked_story_is_the_same_story(story: Path) -> None:
    happened = events(story)
    mask = Masker(pbx="main", system="main", region="RU")
    assert mask.phones(PHONES) == PHONES
    masked: list[object] = [mask.event(event) for event in happened]

    before, after = await told(happened, [*happened]), await told(happened, masked)
    assert before or story.stem in NOT_CALLS, "a story with a call in it"
    assert after == [
        replace(
            call,
            id=CallId(call.id.replace(call.linkedid, mask.id(call.linkedid))),
            channel=ChannelId(mask.id(call.channel)),
            linkedid=mask.id(call.linkedid),
            caller=mask.number(call.caller),
            caller_name=call.caller_name if call.dialler else mask.name(call.caller_name),  # a colleague by his own
            dialler=mask.interface(call.dialler),
            legs=tuple(
                replace(
                    leg,
                    leg=ChannelId(mask.id(leg.leg)),
                    parent=ChannelId(mask.id(leg.parent)),
                    interface=mask.channel(leg.interface),
                    number=known.number,
                )
                for leg, known in zip(call.legs, other.legs, strict=True)
            ),
        )
        for call, other in zip(before, after, strict=True)
    ]
