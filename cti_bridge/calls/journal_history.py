"""Asks the journal for a number's earlier calls while its caller waits: beside the writer, whom it never waits for.

A connection of its own, for reading, on a thread of its own: in SQLite's WAL mode it sees what was committed when it
begins to read, whatever is being written. What the journal has in memory is counted with it, so a caller who hung up a
moment ago is known.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from cti_bridge.calls.caller_history import EarlierCall, earlier, history_of
from cti_bridge.calls.record import CallRecord
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.history import CallerHistory
from cti_bridge.domain.ids import ChannelId

AT_ONCE = 64
"""Questions on their way; beyond, the next is not asked: the disk does not answer."""
_BUSY_S = 0.1

EARLIER_CALLS = """
    SELECT id, channel, offered_at, direction = 'inbound',
        direction = 'inbound' AND caller_kind <> 'internal' AND ended_at IS NOT NULL AND outcome <> 'answered',
        CASE WHEN answered_at IS NOT NULL THEN coalesce((
            SELECT l.operator FROM legs l WHERE l.call_id = c.id AND l.operator <> '' AND l.answered_at IS NOT NULL
                AND (l.talked_s > 0 OR l.ended_at IS NULL)
            ORDER BY l.ended_at IS NULL DESC, l.ended_at DESC, l.answered_at DESC LIMIT 1
        ), nullif(c.operator, '')) END
    FROM calls c WHERE caller = ? AND offered_at <= ? ORDER BY offered_at DESC
"""
"""Row by row, the latest first, by the index on caller and time; whoever has read enough reads no further."""


def history_in(
    connection: sqlite3.Connection,
    caller: str,
    waiting: Sequence[CallRecord],
    *,
    at: float,
    but: ChannelId,
    until: float = math.inf,
) -> CallerHistory:
    """The history of this number at this moment; `waiting` are states that may not be on disk. Raises sqlite3.Error.

    Calls that began after `until` are left out. A live caller has none: what seems to be later than now is only said
    by a clock that was put right meanwhile, and counts.
    """
    with closing(connection.execute(EARLIER_CALLS, [caller, until])) as rows:
        kept = (
            EarlierCall(call, channel, began, bool(inbound), bool(missed), spoke)
            for call, channel, began, inbound, missed, spoke in rows
        )
        return history_of(kept, [earlier(record) for record in waiting], at=at, but=but)


class JournalHistory:
    """The daemon's way to ask."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._asked: set[asyncio.Future[CallerHistory]] = set()

    async def ask(
        self, caller: str, waiting: Sequence[CallRecord], *, at: float, but: ChannelId, within_s: float
    ) -> CallerHistory:
        """The history of this number within this time. Raises DatabaseUnusable, also when it takes longer."""
        if len(self._asked) >= AT_ONCE:
            raise DatabaseUnusable(f"{self._path.name}: {AT_ONCE} questions have no answer yet")

        gone_at = time.monotonic() + within_s

        def work() -> CallerHistory:
            if time.monotonic() > gone_at:  # or else a slow disk would answer only those who are gone, for ever
                raise TimeoutError("whoever asked is gone")
            return history_in(self._open(), caller, waiting, at=at, but=but)

        answer = asyncio.get_running_loop().run_in_executor(self._worker, work)
        self._asked.add(answer)
        answer.add_done_callback(self._answered)
        # Not cancelled when it is late: what the thread has not begun would be out of the count, but still in its way.
        await asyncio.wait({answer}, timeout=max(0.0, within_s))
        if not answer.done():
            raise DatabaseUnusable(f"{self._path.name}: no answer within {within_s * 1000:.0f} ms")
        try:
            return answer.result()
        except (sqlite3.Error, OSError) as error:
            raise DatabaseUnusable(f"{self._path.name}: {error}") from error

    async def close(self) -> None:
        """Answer what was asked and end the thread."""
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._worker, self._close))
        self._worker.shutdown(wait=False)

    def _answered(self, answer: asyncio.Future[CallerHistory]) -> None:
        self._asked.discard(answer)
        if not answer.cancelled():
            answer.exception()  # of a late answer, too, that nobody waits for

    def _open(self) -> sqlite3.Connection:
        """The connection, a new one where the file is another than before."""
        inode = self._path.stat().st_ino
        if self._connection is not None and inode != self._inode:
            self._close()
        if self._connection is None:
            uri = f"file:{quote(str(self._path.resolve()))}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S)
            self._inode = inode
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
