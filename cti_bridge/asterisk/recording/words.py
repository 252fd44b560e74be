"""What the words of AMI, FastAGI and ARI hold, as far as masking goes. What is not named here stays out of a recording.

What they mean is the business of `ami.translate`, `agi.contract` and `ari.contract`.
"""

from enum import Enum, auto


class Holds(Enum):
    """What a value is, and so what becomes of it."""

    NUMBER = auto()
    """A telephone number."""
    NAME = auto()
    """The name of a person."""
    CHANNEL = auto()
    """A channel; its middle part is a number or names somebody."""
    INTERFACE = auto()
    """A phone or trunk, as channels of it are named, but for the number at their end."""
    CHANNELS = auto()
    """Several interfaces, joined by `&`."""
    DIALLED = auto()
    """What Dial() was told; only a number in it says something to us."""
    EXTENSION = auto()
    """A place in the dialplan: a number, or one of its own letters."""
    ID = auto()
    """The id of a channel or bridge; kept, unless somebody chose it."""
    CALL = auto()
    """The id of a call: the PBX and the id of a channel."""
    PEER = auto()
    """A trunk or phone by its own name."""
    OPERATOR = auto()
    """Who an operator signs in as."""
    TARGET = auto()
    """Whom a caller is sent to: `operator/ID`, `queue/NAME`, `number/`."""
    STAMP = auto()
    """Seconds since 1970; kept."""
    WORD = auto()
    """A word of Asterisk's, of the dialplan or of the rules; kept, but for numbers in it."""


_OF_A_CHANNEL = {
    "Channel": Holds.CHANNEL,
    "ChannelState": Holds.WORD,
    "ChannelStateDesc": Holds.WORD,
    "CallerIDNum": Holds.NUMBER,
    "CallerIDName": Holds.NAME,
    "ConnectedLineNum": Holds.NUMBER,
    "ConnectedLineName": Holds.NAME,
    "Language": Holds.WORD,
    "Context": Holds.WORD,
    "Exten": Holds.EXTENSION,
    "Priority": Holds.WORD,
    "Uniqueid": Holds.ID,
    "Linkedid": Holds.ID,
}
"""Headers that an event has for each channel it is about, each time with another word in front (`DestUniqueid`)."""
_WORDS = (
    *("Event", "Privilege", "SystemName", "Queue", "Position", "OriginalPosition", "Count", "HoldTime"),
    *("RingTime", "TalkTime", "Reason", "DialStatus", "Cause", "Cause-txt", "TechCause", "BridgeType"),
    *("BridgeTechnology", "BridgeNumChannels", "BridgeCreator", "Result", "Response", "IsExternal"),
    *("DestType", "TransferType", "ParkingLot", "Parkinglot", "ParkingSpace", "ParkingTimeout"),
    *("ParkingDuration", "Direction", "State", "Hold", "Status", "Paused", "Penalty", "Membership"),
    *("InCall", "CallsTaken", "Ringinuse", "Wait", "Application", "Duration", "Uptime", "LastReload"),
    *("UserEvent", "Step", "Steps", "Final", "Decision", "Why", "Transfer", "Pickup", "Outbound"),
)
_AMI = {
    **dict.fromkeys(_WORDS, Holds.WORD),
    "SwapUniqueid": Holds.ID,
    "Leg": Holds.ID,
    "DialString": Holds.DIALLED,
    "Extension": Holds.EXTENSION,
    "BridgeId": Holds.ID,
    "CallID": Holds.CALL,
    "Operator": Holds.OPERATOR,
    "By": Holds.OPERATOR,
    "To": Holds.TARGET,
    "MemberName": Holds.NAME,
    "Interface": Holds.INTERFACE,
    "StateInterface": Holds.INTERFACE,
    "Location": Holds.INTERFACE,
    "Timestamp": Holds.STAMP,
    "LastCall": Holds.STAMP,
    "LastPause": Holds.STAMP,
    "LoginTime": Holds.STAMP,
}
_OUR_USER_EVENTS = frozenset(
    ("CtiStep", "CtiFinal", "CtiDrill", "CtiHold", "CtiAsked", "CtiTransfer", "CtiOutbound", "CtiPickup", "CtiMeans")
)
_OF_ANY_USER_EVENT = frozenset(("Event", "UserEvent", "Timestamp"))
_ENVIRONMENT = {
    "agi_channel": Holds.CHANNEL,
    "agi_language": Holds.WORD,
    "agi_type": Holds.WORD,
    "agi_uniqueid": Holds.ID,
    "agi_callerid": Holds.NUMBER,
    "agi_calleridname": Holds.NAME,
    "agi_callingpres": Holds.WORD,
    "agi_callingani2": Holds.WORD,
    "agi_callington": Holds.WORD,
    "agi_callingtns": Holds.WORD,
    "agi_dnid": Holds.EXTENSION,
    "agi_rdnis": Holds.NUMBER,
    "agi_context": Holds.WORD,
    "agi_extension": Holds.EXTENSION,
    "agi_priority": Holds.WORD,
    "agi_enhanced": Holds.WORD,
}
_ARGUMENTS = (
    *(Holds.EXTENSION, Holds.ID, Holds.CALL, Holds.EXTENSION, Holds.PEER, Holds.WORD),
    *(Holds.WORD, Holds.EXTENSION),
)
"""DID, linkedid, call id, CTI_DID, trunk, attestation; by ARI also presentation and the network's number."""
_WITHHELD = ("CTI_CUSTOMER_ID", "CTI_CUSTOMER_NAME")
"""Variables of an answer that say who the CRM thinks the caller is."""
_VARIABLES = {
    "CTI_CALL_ID": Holds.CALL,
    "CTI_OPERATOR": Holds.OPERATOR,
    "CTI_OPERATOR_DIAL": Holds.CHANNELS,
}


def of_header(name: str) -> Holds | None:
    """What this header of AMI holds; None where it is left out."""
    known = _AMI.get(name)
    if known is None:
        known = next((holds for ending, holds in _OF_A_CHANNEL.items() if name.endswith(ending)), None)
    return known


def is_somebody_elses(event: str, user_event: str) -> bool:
    """Whether a dialplan that is not ours made up this event, with headers and values as it likes."""
    return event == "UserEvent" and user_event not in _OUR_USER_EVENTS


def of_any_user_event(name: str) -> bool:
    """Whether Asterisk itself writes this header at the beginning of every user event."""
    return name in _OF_ANY_USER_EVENT


def of_environment(name: str) -> Holds | None:
    """What this line of an AGI environment holds; None where it is left out, as the address with its secret is."""
    if name.startswith("agi_arg_"):
        number = name.removeprefix("agi_arg_")
        return of_argument(int(number)) if len(number) == 1 and "1" <= number <= "9" else None
    return _ENVIRONMENT.get(name)


def of_argument(number: int) -> Holds | None:
    """What the dialplan's argument with this number (from 1) holds; None where it is left out."""
    return _ARGUMENTS[number - 1] if number <= len(_ARGUMENTS) else None


def of_variable(name: str) -> Holds | None:
    """What this variable of an answer holds; None where it is left out."""
    if name in _WITHHELD or not name.startswith("CTI_"):
        return None
    return _VARIABLES.get(name, Holds.WORD)
