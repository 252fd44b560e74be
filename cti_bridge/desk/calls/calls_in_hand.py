"""Callers who are being sent on, beside what the PBX says of them: by whom, to whom, and why they come back.

The PBX carries it out by itself once it has begun, so nothing here has to survive a restart of the bridge: a transfer
that fails after one is told by the dialplan with all that is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cti_bridge.calls.call import Call
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.desk.calls.call_actions import InHand
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.wire import TargetKind, TargetView, TransferFailure, TransferView

_NO_LEG = ChannelId("")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a caller is handed to: `kind` is operator, queue or number; `id` names it, `name` is for people."""

    kind: TargetKind
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """A caller on his way to somebody else, or back from there."""

    by: OperatorId
    to: Target
    leg: ChannelId = _NO_LEG
    """The leg of the operator who sends him on; empty where an earlier run of the bridge began it."""
    failed: TransferFailure = ""
    """Why he comes back: a word of FAILURES; empty while he is on his way."""


FAILURES: Mapping[str, TransferFailure] = {
    "busy": "busy",
    "noanswer": "no_answer",
    "chanunavail": "unreachable",
    "congestion": "unreachable",
    "invalidargs": "missing",
    "missing": "missing",
    "joinempty": "nobody",
    "leaveempty": "nobody",
    "joinunavail": "nobody",
    "leaveunavail": "nobody",
    "full": "full",
}
"""What Dial and Queue say when they give up, and what the page is told; everything else is `failed`."""


class CallsInHand:
    """By call id. Whoever ends something here has the call shown anew."""

    def __init__(self) -> None:
        self._transfers: dict[CallId, Transfer] = {}

    def of(self, call: Call) -> InHand:
        """What is under way with this call."""
        transfer = self.transfer(call)
        return InHand(transferring=transfer is not None and not transfer.failed)

    def begun(self, call: CallId) -> Transfer | None:
        """The latest transfer of this call."""
        return self._transfers.get(call)

    def transfer(self, call: Call) -> Transfer | None:
        """The transfer to be shown with a call: one that has not come to its end, or has failed."""
        transfer = self._transfers.get(call.id)
        if transfer is None or transfer.failed:
            return transfer
        return None if any(_has_taken_over(leg, transfer) for leg in call.legs) else transfer

    def sends(self, call: CallId, transfer: Transfer) -> None:
        """A transfer begins, or fails."""
        self._transfers[call] = transfer

    def forget(self, call: CallId) -> None:
        """The call is over, or the transfer is, or it did not begin after all."""
        self._transfers.pop(call, None)


def target_view(target: Target) -> TargetView:
    """A target as a page is told."""
    return {"kind": target.kind, "id": target.id, "name": target.name}


def transfer_view(transfer: Transfer, directory: Directory) -> TransferView:
    """A transfer as a page is told."""
    by = directory.get(transfer.by)
    return {
        "to": target_view(transfer.to),
        "by": {"operator": transfer.by, "name": by.name if by else transfer.by},
        "state": "failed" if transfer.failed else "ringing",
        "reason": transfer.failed,
    }


def _has_taken_over(leg: Leg, transfer: Transfer) -> bool:
    is_half = leg.name.startswith("Local/")
    return leg.state is LegState.TALKING and leg.id != transfer.leg and not is_half
