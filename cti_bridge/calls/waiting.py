"""The calls whose latest state waits for the disk: each once, the one that waits longest first, found by caller."""

from collections import OrderedDict
from itertools import islice

from cti_bridge.calls.caller_history import MOST_CALLS
from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.ids import CallId


class WaitingCalls:
    """At most `limit` of them. A group that is being written is still found by caller until it is on disk."""

    def __init__(self, limit: int) -> None:
        self.dropped = 0
        """Calls that were lost because there were too many."""
        self._limit = limit
        self._states: OrderedDict[CallId, CallRecord] = OrderedDict()
        self._group: dict[CallId, CallRecord] = {}
        self._by_caller: dict[str, dict[CallId, None]] = {}

    def __len__(self) -> int:
        return len(self._states)

    def put(self, record: CallRecord) -> None:
        """The latest state of a call; the oldest is dropped when there is no room."""
        before = self._states.get(record.id)
        self._states[record.id] = record
        self._by_caller.setdefault(record.caller, {})[record.id] = None
        if before is not None:
            self._unfind(before)
        if len(self._states) > self._limit:
            self._unfind(self._states.popitem(last=False)[1])
            self.dropped += 1

    def get(self, call: CallId) -> CallRecord | None:
        """The state of this call that may not be on disk yet."""
        return self._states.get(call) or self._group.get(call)

    def take(self, most: int) -> list[CallRecord]:
        """A group to be written next; `written` or `put_back` says what became of it."""
        group = [self._states.popitem(last=False)[1] for _ in range(min(most, len(self._states)))]
        self._group = {record.id: record for record in group}
        return group

    def written(self) -> None:
        """The group is on disk, or refused for good."""
        group, self._group = self._group, {}
        for record in group.values():
            self._unfind(record)

    def put_back(self) -> None:
        """The group could not be written: it is the next again, but where a newer state of a call came meanwhile."""
        group, self._group = self._group, {}
        for record in reversed(group.values()):
            if record.id in self._states:
                self._unfind(record)
            else:
                self._states[record.id] = record
                self._states.move_to_end(record.id, last=False)

    def of_caller(self, caller: str) -> list[CallRecord]:
        """The states of this number's calls that may not be on disk yet; of very many those that came last."""
        latest = islice(reversed(self._by_caller.get(caller, {})), MOST_CALLS)
        found = (self._states.get(each) or self._group.get(each) for each in latest)
        return [record for record in found if record is not None and record.caller == caller]

    def _unfind(self, record: CallRecord) -> None:
        """Find this state's call by its caller no longer, unless another state of it says the same number."""
        states = (self._states.get(record.id), self._group.get(record.id))
        if any(state is not None and state.caller == record.caller for state in states):
            return
        calls = self._by_caller.get(record.caller)
        if calls is not None:
            calls.pop(record.id, None)
            if not calls:
                del self._by_caller[record.caller]
