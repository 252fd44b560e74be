"""The edits that operators are shown: those of each call, and each operator's own that are not in the CRM."""

from itertools import chain

from cti_bridge.calls.journal_edits import Edit, EditState
from cti_bridge.domain.ids import CallId, OperatorId

SHOWN = 20
"""Edits of one call, or one operator, that are shown, the latest."""
_MOST_CALLS = 5_000


class KeptEdits:
    """What is known of edits; the journal has those that are to be remembered across a restart."""

    def __init__(self) -> None:
        self._by_call: dict[CallId, dict[str, Edit]] = {}
        self._open: dict[OperatorId, dict[str, Edit]] = {}

    def put(self, edit: Edit) -> None:
        """An edit is new, or stands otherwise than before; what is in the CRM is done, whoever says so late."""
        of_call = self._by_call.setdefault(edit.call_id, {})
        if edit.key in of_call and of_call[edit.key].state is EditState.SAVED:
            return
        of_call[edit.key] = edit
        mine = self._open.setdefault(edit.operator, {})
        if edit.state is EditState.SAVED:
            mine.pop(edit.key, None)
        else:
            mine[edit.key] = edit
        if not mine:
            del self._open[edit.operator]
        if len(self._by_call) > _MOST_CALLS:
            self._forget()

    def drop(self, edit: Edit) -> None:
        """Nobody wants it any more."""
        of_call = self._by_call.get(edit.call_id, {})
        of_call.pop(edit.key, None)
        if not of_call:
            self._by_call.pop(edit.call_id, None)
        mine = self._open.get(edit.operator, {})
        mine.pop(edit.key, None)
        if not mine:
            self._open.pop(edit.operator, None)

    def of_call(self, call_id: CallId) -> tuple[Edit, ...]:
        """The edits made in a call, in the order of their making."""
        return tuple(self._by_call.get(call_id, {}).values())

    def calls(self) -> tuple[CallId, ...]:
        """The calls of which there are edits."""
        return tuple(self._by_call)

    def open_of(self, operator: OperatorId) -> tuple[Edit, ...]:
        """What this operator wants that is not in the CRM."""
        return tuple(self._open.get(operator, {}).values())

    def get(self, operator: OperatorId, key: str) -> Edit | None:
        """One of his that is not in the CRM."""
        return self._open.get(operator, {}).get(key)

    @property
    def waiting(self) -> int:
        """How many wait for the CRM."""
        return sum(edit.state is EditState.WAITING for edit in self.every_open())

    def every_open(self) -> list[Edit]:
        """All that are not in the CRM."""
        return list(chain.from_iterable(edits.values() for edits in self._open.values()))

    def _forget(self) -> None:
        """Let go of the older half of the calls of which everything is in the CRM."""
        done = [
            call for call, edits in self._by_call.items() if all(one.state is EditState.SAVED for one in edits.values())
        ]
        for call in done[: _MOST_CALLS // 2]:
            del self._by_call[call]
