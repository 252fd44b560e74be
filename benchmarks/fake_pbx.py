"""A fake of Asterisk's two sides towards the bridge, AMI and FastAGI, that can play very many queue calls.

`queue_call.ami` is what a real Asterisk 22 sent about one queue call to a user with the rights and the event filter of
`docker/asterisk/etc/manager.conf`; it is sent again and again with other channels, callers and times.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks import agi_client
from benchmarks.agi_client import DID
from demo.asterisk import AMI_PORT, render

QUEUE = "sales"
"""The queue whose events are told, whatever was decided: which one makes no difference to the cost."""
LOGIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Part:
    """Events of a call that come together, with the name of each."""

    events: tuple[tuple[str, str], ...]


def _parts() -> dict[str, Part]:
    text = (Path(__file__).parent / "queue_call.ami").read_text("utf-8")
    found = {}
    for part in text.split("# ")[1:]:
        name, *events = part.rstrip("\n").split("\n\n")
        found[name] = Part(
            tuple((event.split("\n")[0].split(": ")[1], event.replace("\n", "\r\n")) for event in events)
        )
    return found


PARTS = _parts()
EVENTS_PER_CALL = sum(len(part.events) for part in PARTS.values())


@dataclass(frozen=True, slots=True)
class PlayedCall:
    """One call: its Uniqueid, who calls, whose phone rings; seconds of ringing and talking."""

    id: str
    caller: str
    extension: str
    ring_s: float = 1.0
    talk_s: float = 1.0


class FakePbx:
    """Accepts the bridge's AMI login on `address` and plays calls to it: `async with FakePbx(address, agi_port)`."""

    def __init__(self, address: str, agi_port: int) -> None:
        self.address = address
        self.agi = (address, agi_port)
        self.agent_called_at: dict[str, float] = {}
        """Monotonic time just before AgentCalled was written, by the call's Uniqueid."""
        self.members: Sequence[str] = ()
        """Interfaces that are members of the queue; each does at once what it is told."""
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._numbers = 0
        self._run = int(time.time())

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.address, AMI_PORT)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        if self._writer is not None:
            self._writer.close()

    def new_id(self) -> str:
        """The Uniqueid of the next channel."""
        self._numbers += 1
        return f"main-{self._run}.{self._numbers}"

    async def play(self, call: PlayedCall) -> float:
        """Play a whole call; gives back how many milliseconds the decision took."""
        values = self._values(call)
        self.say("arrives", values)
        took_ms, _ = await agi_client.ask(self.agi, agi_client.question(self.address, call.id, call.caller))
        self.say("rings", values)
        await asyncio.sleep(call.ring_s)
        self.say("answers", values)
        await asyncio.sleep(call.talk_s)
        self.say("ends", values)
        return took_ms

    def say(self, part: str, values: Mapping[str, str | int]) -> None:
        """Send these events of a call, each in a write of its own as Asterisk does."""
        assert self._writer is not None
        for name, event in PARTS[part].events:
            frame = render(event, {**values, "NOW": f"{time.time():.6f}"}).encode() + b"\r\n\r\n"
            if name == "AgentCalled":
                self.agent_called_at[str(values["CALL"])] = time.monotonic()
            self._writer.write(frame)

    def hang_up(self, channel: str) -> None:
        """The caller's channel is gone."""
        assert self._writer is not None
        self._writer.write(_frame({"Event": "Hangup", "Uniqueid": channel, "Linkedid": channel, "Cause": "16"}))

    def _values(self, call: PlayedCall) -> dict[str, str | int]:
        leg = self.new_id()
        serial = int(leg.rpartition(".")[2])
        return {
            "CALL": call.id, "CHANNEL": f"PJSIP/trunk-{hash(call.id) & 0xFFFFFFFF:08x}", "NUMBER": call.caller,
            "NAME": "Ия", "DID": DID, "LEG": leg, "LEG_CHANNEL": f"PJSIP/{call.extension}-{serial:08x}",
            "EXTENSION": call.extension, "QUEUE": QUEUE, "BRIDGE": f"d385ecac-417e-4148-8c06-{serial:012x}",
        }  # fmt: skip

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        self._writer = writer
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                self._answer(writer, dict(re.findall(r"^(\w+): (.*)\r$", block, re.MULTILINE)))
        writer.close()

    def _answer(self, writer: asyncio.StreamWriter, action: Mapping[str, str]) -> None:
        number = {"ActionID": action["ActionID"]}
        name = action["Action"]
        writer.write(_frame({"Response": "Success", **number, "Message": name, **_LISTED.get(name, {})}))
        if name == "QueueStatus":
            for interface in self.members:
                writer.write(_frame({"Event": "QueueMember", **number, "Location": interface, **_member(interface)}))
        match name:
            case "QueuePause":
                paused = {
                    "Paused": "1" if action["Paused"] == "true" else "0",
                    "PausedReason": action.get("Reason", ""),
                }
                member = _member(action["Interface"]) | paused
                writer.write(_frame({"Event": "QueueMemberPause", "Interface": action["Interface"], **member}))
            case "Login":
                writer.write(_frame({"Event": "FullyBooted", "Status": "Fully Booted"}))
            case "CoreShowChannels" | "QueueStatus" | "BridgeList":
                writer.write(_frame({"Event": f"{name}Complete", **number, "EventList": "Complete"}))
            case "Originate":
                writer.write(_frame({"Event": "Hangup", "Uniqueid": action["ChannelId"]}))


_LISTED = {name: {"EventList": "start"} for name in ("CoreShowChannels", "QueueStatus", "BridgeList")}


def _member(interface: str) -> dict[str, str]:
    return {
        "Queue": QUEUE, "StateInterface": interface, "Paused": "0", "PausedReason": "", "Penalty": "0", "Status": "1",
    }  # fmt: skip


def _frame(headers: Mapping[str, str]) -> bytes:
    return ("".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()
