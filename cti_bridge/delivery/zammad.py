"""Zammad's generic CTI interface: newCall, answer and hangup, as its documentation has them.

Zammad compares numbers without any sign, so E.164 goes without its `+`. It refuses an answer or a hangup of a call that
it has not been told of, and counts a hangup without an answer as a missed call.
"""

import json
from typing import Any

from cti_bridge.delivery.http_post import Poster
from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.verdict import Verdict

_EVENTS = {ReportType.STARTED: "newCall", ReportType.ANSWERED: "answer", ReportType.ENDED: "hangup"}
_CAUSES = {
    "answered": "normalClearing",
    "abandoned": "cancel",
    "missed": "noAnswer",
    "overflowed": "forwarded",
    "failed": "congestion",
}
"""What Zammad calls our outcomes, of the seven causes it knows."""


class ZammadSink:
    """Pushes calls to the Zammad at `url`; `token` is the one of its CTI integration, the last part of its address."""

    types = frozenset(_EVENTS)
    customers_only = False

    def __init__(self, name: str, url: str, token: str, *, timeout_s: float, max_age_s: float) -> None:
        self.name = name
        self.max_age_s = max_age_s
        self._poster = Poster(f"{url.rstrip('/')}/api/v1/cti/{token}", timeout_s=timeout_s)

    async def send(self, entry: Entry) -> Verdict:
        """Send one event."""
        event = json.dumps(cti_event(entry.type, json.loads(entry.body)["data"]), ensure_ascii=False)
        return await self._poster.post(event.encode(), {"Content-Type": "application/json; charset=utf-8"})

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def cti_event(kind: ReportType, call: dict[str, Any]) -> dict[str, str]:
    """One report, by its type and its `data`, in Zammad's words.

    It knows `in` and `out`, and looks for the customer in `from` or in `to`: a colleague who calls comes in. So does
    whatever waits since a version that told of nothing else.
    """
    outbound = call.get("direction") == "outbound"
    customer, other = (number.removeprefix("+") for number in (call["caller"]["number"], call["did"]))
    event = {
        "event": _EVENTS[kind],
        "callId": call["call"],
        "direction": "out" if outbound else "in",
        "from": other if outbound else customer,
        "to": customer if outbound else other,
    }
    operator = call["operator"]
    if call["queue"]:
        event["queue"] = call["queue"]
    if operator is not None and (outbound or kind is not ReportType.STARTED):
        event["user"] = event["answeringNumber"] = operator["crm_user"] or operator["id"]
    if kind is ReportType.ENDED:
        event["cause"] = _CAUSES.get(call["outcome"], "normalClearing")
    return event
