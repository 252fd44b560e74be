"""What a real Asterisk would list at any moment of a recording: channels, who waits in a queue, parking lots."""

import random
from dataclasses import dataclass

from story_telling import Heard

from cti_bridge.asterisk.ami.sighting import Sighting
from cti_bridge.asterisk.dialplan import CONSULT, DESK
from cti_bridge.calls.events import Snapshot


@dataclass(slots=True)
class _Channel:
    name: str
    linkedid: str
    number: str = ""
    person: str = ""
    dialled: bool = False
    up: bool = False
    bridge: str = ""
    queue: str = ""
    context: str = ""


class Truth:
    """Hears a recording, and knows what there is by then."""

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}
        self._parking: set[str] = set()

    def hear(self, message: Heard) -> None:
        """One more message."""
        for end in ("", "Dest"):
            self._identify(message, end)
        channel = self._channels.get(message.get("Uniqueid", ""))
        dialled = self._channels.get(message.get("DestUniqueid", ""))
        match message["Event"]:
            case "Hangup":
                self._channels.pop(message["Uniqueid"], None)
            case "Shutdown":
                self._channels.clear()
            case "AgentCalled" | "DialBegin" if dialled:
                dialled.dialled = True
            case "DialEnd" if dialled:
                dialled.up = message["DialStatus"] == "ANSWER"
                # Whom nobody's channel called, but an action, goes on to call somebody himself.
                dialled.dialled = bool(message.get("Uniqueid"))
            case "BlindTransfer" if message["TransfereeUniqueid"] in self._channels:
                self._channels[message["TransfereeUniqueid"]].dialled = False  # it walks the dialplan from now on
            case "UserEvent" if message["UserEvent"] == "CtiHold" and message["Leg"] in self._channels:
                # Both walk the dialplan from now on; the operator's channel says nothing of it by itself.
                leg = self._channels[message["Leg"]]
                leg.dialled, leg.context = False, leg.context if leg.context == CONSULT else DESK
                if channel:
                    channel.dialled = False
            case "QueueCallerJoin" if channel:
                channel.queue = message["Queue"]
            case "QueueCallerLeave" if channel:
                channel.queue = ""
            case "BridgeEnter" if channel:
                channel.bridge, channel.up = message["BridgeUniqueid"], True
                if message["BridgeTechnology"] == "holding_bridge":
                    self._parking.add(channel.bridge)
            case "BridgeLeave" if channel and channel.bridge == message["BridgeUniqueid"]:
                channel.bridge = ""

    def snapshot(self, at: float, *, order: random.Random) -> Snapshot:
        """What the bridge makes of the lists at this moment; Asterisk lists channels in no particular order."""
        names = list(self._channels)
        order.shuffle(names)
        sighting = Sighting()
        for name in names:
            channel = self._channels[name]
            sighting.add(
                {
                    "Event": "CoreShowChannel",
                    "Channel": channel.name,
                    "Uniqueid": name,
                    "Linkedid": channel.linkedid,
                    "ChannelStateDesc": "Up" if channel.up else "Ringing" if channel.dialled else "Ring",
                    "Context": channel.context,
                    "Application": "AppDial" if channel.dialled else "",
                    "BridgeId": channel.bridge,
                    "CallerIDNum": channel.number,
                    "CallerIDName": channel.person,
                }
            )
            if channel.queue:
                sighting.add({"Event": "QueueEntry", "Uniqueid": name, "Queue": channel.queue})
        for bridge in self._parking:
            kind = {"BridgeTechnology": "holding_bridge", "BridgeType": "parking"}
            sighting.add({"Event": "BridgeListItem", "BridgeUniqueid": bridge, **kind})
        return sighting.snapshot(at)

    def _identify(self, message: Heard, end: str) -> None:
        """Take in how one channel of this message is called now."""
        uniqueid, name = message.get(f"{end}Uniqueid", ""), message.get(f"{end}Channel", "")
        if message["Event"] == "Newchannel" and not end:
            self._channels[uniqueid] = _Channel(name, message["Linkedid"])
        channel = self._channels.get(uniqueid)
        if channel is not None and name:
            channel.name, channel.linkedid = name, message.get(f"{end}Linkedid", channel.linkedid)
            channel.number = message.get(f"{end}CallerIDNum", "")
            channel.person = message.get(f"{end}CallerIDName", "")
            channel.context = message.get(f"{end}Context", channel.context)
