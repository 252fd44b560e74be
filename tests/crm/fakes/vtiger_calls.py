"""A fake of how vtiger takes calls: the PBX Manager of vtiger CE and of SalesPlatform, and the gateway of Vtiger Cloud.

Written after the published source of the PBX Manager, and after the vendor's page on the cloud's API. What they leave
out without a word is left out here without a word; what no vtiger would understand is noted in `complaints`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

Params = Mapping[str, str]

NEEDED: Mapping[str, frozenset[str]] = {
    "StartApp": frozenset({"callUUID", "callerIdNumber", "callerIdName", "channel", "StartTime", "connectedLineName"}),
    "DialBegin": frozenset({"callUUID", "callerIdNumber", "dialString", "StartTime", "connectedLineName"}),
    "DialAnswer": frozenset({"callUUID", "callerid1", "callerid2"}),
    "EndCall": frozenset({"callUUID", "callerNumber", "starttime", "endtime", "duration", "billableseconds"}),
    "Hangup": frozenset({"callUUID", "callerIdNum", "causetxt", "EndTime", "Duration", "HangupCause"}),
    "Record": frozenset({"callUUID", "callerNumber", "recordinglink"}),
}
"""What each message of the PBX connector has to hold, besides `callstatus` and `vtigersignature`."""
CLOUD_NEEDED: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "call_initiated": (frozenset({"from", "call_id"}), frozenset({"to", "direction"})),
    "call_connected": (frozenset({"from", "to", "call_id"}), frozenset()),
    "call_hangup": (frozenset({"call_id", "hangup_reason"}), frozenset({"notes"})),
    "call_recording": (frozenset({"call_id", "recordingurl"}), frozenset()),
}
"""What each message of the cloud has to hold, and what it may, besides `event`."""
PROBE = {"callstatus", "callUUID", "causetxt"}
_PLAIN = re.compile(r"\+?[0-9]*|anonymous")


@dataclass
class CallRow:
    """One row of calls as vtiger shows it; `user` and `customer` are ids, empty for nobody."""

    sourceuuid: str
    direction: str
    user: str
    customer: str
    customernumber: str
    starttime: str
    callstatus: str = "ringing"
    endtime: str = ""
    totalduration: str = ""
    billduration: str = ""
    recordingurl: str = ""
    incominglinename: str = ""


@dataclass
class FakeCalls:
    """The calls of one vtiger; `user_of` finds a user by a number of his, `customer_of` somebody by what was typed."""

    by_user: bool
    user_of: Callable[[str], str]
    phones: Callable[[], Iterable[tuple[str, str]]]
    rows: list[CallRow] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """The messages, by their kind."""
    answers_lost: int = 0
    """So many messages more are taken, and the answer never comes."""

    def take(self, params: Params) -> None:
        """One message of the PBX connector."""
        status = params.get("callstatus", "")
        self.taken.append(status)
        told = set(params) - {"callstatus", "vtigersignature"}
        if params.get("causetxt") == "null" and set(params) - {"vtigersignature"} == PROBE:
            return
        if status not in NEEDED or (status == "DialBegin" and not self.by_user):
            self.complaints.append(f"callstatus {status}")
        elif told != NEEDED[status]:
            self.complaints.append(f"{status}: {sorted(told ^ NEEDED[status])}")
        else:
            for name in ("callerIdNumber", "callerid1", "callerid2", "callerIdNum", "callerNumber"):
                if not _PLAIN.fullmatch(params.get(name, "")):
                    self.complaints.append(f"{status}: {name} would get into SQL")
            getattr(self, f"_{status.lower()}")(params)

    def take_in_the_cloud(self, params: Params) -> None:
        """One message of the cloud's gateway."""
        event = params.get("event", "")
        needed, allowed = CLOUD_NEEDED.get(event, (frozenset(), frozenset()))
        self.taken.append(event)
        told = set(params) - {"event"}
        if event not in CLOUD_NEEDED or not needed <= told <= needed | allowed:
            self.complaints.append(f"{event}: {sorted(told)}")
            return
        mine = [row for row in self.rows if row.sourceuuid == params["call_id"]]
        if event == "call_initiated":
            inbound = params.get("direction", "inbound") == "inbound"
            number = params["from"] if inbound else params["to"]
            user = self.user_of(params.get("to", "") if inbound else params["from"])
            way = "inbound" if inbound else "outbound"
            self.rows.append(CallRow(params["call_id"], way, user, self._customer(number), number, ""))
        for row in mine:
            if event == "call_connected":
                row.callstatus = "in-progress"
                row.user = self.user_of(params["to"]) or self.user_of(params["from"])
            elif event == "call_hangup":
                row.callstatus = params["hangup_reason"]
            elif event == "call_recording":
                row.recordingurl = params["recordingurl"][:200]

    def _startapp(self, params: Params) -> None:
        number, peer = params["callerIdNumber"], params["channel"].partition("-")[0].partition("/")[2]
        user = self.user_of(number) or (self.user_of(peer) if peer.isdecimal() else "")
        if user:
            other = params["callerIdName"] if number == peer else number
            self._begin(params, "outbound", user, other)
        elif not self.by_user:
            self._begin(params, "inbound", "", number)

    def _dialbegin(self, params: Params) -> None:
        caller = params["callerIdNumber"]
        called = params["dialString"].rpartition("/")[2].partition("@")[0]
        if not caller or not called or caller == called:
            return
        if user := self.user_of(caller):
            self._begin(params, "outbound", user, called)
        elif user := self.user_of(called):
            self._begin(params, "inbound", user, caller)

    def _begin(self, params: Params, direction: str, user: str, number: str) -> None:
        uuid, line = params["callUUID"][:100], params["connectedLineName"][:100]
        if self.by_user and (known := self._rows(uuid, user)):
            for row in known:
                row.callstatus, row.customer, row.customernumber = "ringing", self._customer(number), number
            return
        customer = self._customer(number)
        self.rows.append(CallRow(uuid, direction, user, customer, number, params["StartTime"], incominglinename=line))

    def _dialanswer(self, params: Params) -> None:
        rows = self._rows(params["callUUID"])
        if self.by_user:
            user = self.user_of(params["callerid1"]) or self.user_of(params["callerid2"])
            rows = [row for row in rows if user and row.user == user]
        else:
            inbound = bool(rows) and rows[0].direction == "inbound"
            user = self.user_of(params["callerid2" if inbound else "callerid1"])
        for row in rows:
            row.user, row.callstatus = user, "in-progress"

    def _endcall(self, params: Params) -> None:
        user = self.user_of(params["callerNumber"]) if self.by_user else ""
        for row in self._rows(params["callUUID"], user):
            row.starttime, row.endtime = params["starttime"], params["endtime"]
            row.totalduration, row.billduration = params["duration"], params["billableseconds"]

    def _hangup(self, params: Params) -> None:
        cause = params["causetxt"]
        user = self.user_of(params["callerIdNum"]) if self.by_user else ""
        if cause in {"", "null"} or (self.by_user and not user):
            return
        status = {"Normal Clearing": "completed", "User busy": "busy", "Call Rejected": "busy"}.get(cause, cause)
        if cause == "Normal Clearing" and params["HangupCause"] == "NO ANSWER":
            status = "no-answer"
        for row in self._rows(params["callUUID"], user):
            row.callstatus = status[:20]
            if params["EndTime"] and params["Duration"] not in {"", "0"}:
                row.endtime, row.totalduration = params["EndTime"], params["Duration"]

    def _record(self, params: Params) -> None:
        user = self.user_of(params["callerNumber"]) if self.by_user else ""
        for row in self._rows(params["callUUID"], user):
            row.recordingurl = params["recordinglink"][:200]

    def _rows(self, uuid: str, user: str = "") -> list[CallRow]:
        return [row for row in self.rows if row.sourceuuid == uuid and user in {"", row.user}]

    def _customer(self, number: str) -> str:
        """Who has a number by the vendor's way of comparing; vtiger CE finds somebody for an empty one as well.

        How the cloud compares is not documented; here as vtiger CE does.
        """
        wanted = re.sub(r"[-()\s+]", "", number)
        for customer, typed in self.phones():
            kept = re.sub(r"[-()\s+]", "", typed)
            if self.by_user:
                same = kept.endswith(wanted[-10:]) if len(wanted) >= 10 else kept == wanted
            else:
                same = kept.startswith(wanted) or kept.endswith(wanted)
            if kept and same:
                return customer
        return ""
