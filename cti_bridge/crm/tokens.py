"""Keeps the access token of a CRM valid: renewed ahead of its end, once for all who ask, and never in a loop.

A CRM that gives a new refresh token with each renewal forgets the old one soon. So a renewal that is on its way is
not cut off, the new token is on the disk before anybody uses it, and of several processes (the daemon, a command) one
renews at a time: the others find in the file what it got.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from time import time

import structlog

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.token_file import Kept, Tokens, mark_of
from cti_bridge.crm.token_store import TokenStore, in_words

log = structlog.get_logger(__name__)

_RENEWAL_LIMIT_S = 60.0
"""Long, because a refresh token whose answer is not waited for may be used up all the same."""
_CLOSE_LIMIT_S = 10.0
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 300.0
_SAVED_AGAIN_S = 30.0
_LOOKED_AGAIN_S = 15.0
"""After a refusal the file is looked into so often, in case that somebody has signed in anew by a command."""
_SOON_REJECTED_S = 60.0
"""A token rejected so soon after it was renewed will not get better by being renewed again."""
_SHORTEST_S = 1.0
_LONGEST_S = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class Granted:
    """What a CRM gave for a refresh token; `refresh` is empty where the one before stays good. `lasts_s` from now."""

    access: str
    refresh: str
    lasts_s: float


class TokenKeeper:
    """Has an access token for whoever asks.

    `renew` exchanges a refresh token for new ones; it raises CrmUnavailable when that may go well later and CrmRefuses
    when this refresh token is good for nothing any more. `first_refresh` is the one in the settings, used until there
    is a newer one in `file`, beside which nothing else may be locked. `clock` gives seconds since 1970. A token is
    renewed when it has less than `ahead_s` left.
    """

    def __init__(
        self,
        file: Path,
        renew: Callable[[str], Awaitable[Granted]],
        *,
        first_refresh: str,
        clock: Callable[[], float] = time,
        ahead_s: float = 300.0,
    ) -> None:
        self._store = TokenStore(file)
        self._renew = renew
        self._first_refresh = first_refresh
        self._clock = clock
        self._ahead_s = ahead_s
        self._mark = mark_of(first_refresh)
        self._tokens: Tokens | None = None
        self._in_file: Kept | None = None
        self._looked = False
        self._unsaved = False
        self._renewed_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._pause_s = 0.0
        self._not_before = 0.0
        self._refused = ""
        self._dead = ""
        self._failed = ""
        self._not_taken = ""
        self._closed = False
        self.renewals = 0
        """Renewals that went well."""
        self.failures = 0
        """Renewals that did not."""

    async def access(self, *, within_s: float) -> str:
        """A token that has not ended; one that ends soon is renewed meanwhile, and nobody waits for that.

        Raises CrmUnavailable when there is none within `within_s` seconds, and at once while renewing makes no sense.
        """
        if self._tokens is not None and self._left_s() > 0:
            if (self._unsaved or self._left_s() < self._ahead_s) and self._may_renew():
                self._start()
            return self._tokens.access
        await self._wait_for_renewal(within_s)
        if self._tokens is None or self._left_s() <= 0:
            raise CrmUnavailable(self._why_none())
        return self._tokens.access

    async def rejected(self, token: str, *, within_s: float = _RENEWAL_LIMIT_S) -> str | None:
        """The CRM did not take this token: another one to try once, or None when there is none to be had.

        Equal complaints of many are one renewal, and one that comes just after a renewal is not followed by another.
        """
        if self._tokens is not None and self._tokens.access != token:
            return self._tokens.access if self._left_s() > 0 else None
        now = self._clock()
        if self._renewed_at is not None and 0 <= now - self._renewed_at < _SOON_REJECTED_S:
            return None
        self._not_taken = token
        with suppress(CrmUnavailable):
            await self._wait_for_renewal(within_s)
        if self._tokens is None or self._tokens.access == token:
            return None
        return self._tokens.access

    async def close(self) -> None:
        """Let a renewal that is on its way come to its end, for ten seconds at most; may be called twice.

        What could not be written down yet is tried once more: the refresh token before it is worth nothing any more.
        """
        self._closed = True
        task = self._task
        if task is not None:
            try:
                await asyncio.wait({task}, timeout=_CLOSE_LIMIT_S)
            finally:  # also when the daemon, which has less time, does not let us wait so long
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._unsaved and self._tokens is not None:
            await self._save(self._tokens)

    async def _wait_for_renewal(self, within_s: float) -> None:
        if self._task is None and not self._may_renew():
            raise CrmUnavailable(self._why_none())
        task = self._start()
        await asyncio.wait({task}, timeout=within_s)  # who gives up or is cancelled does not take it from the others
        if not task.done():
            raise CrmUnavailable("its access token is being renewed")

    def _start(self) -> asyncio.Task[None]:
        if self._task is None:
            self._task = asyncio.create_task(self._renewal(), name="crm-token", context=Context())
            self._task.add_done_callback(self._done)
        return self._task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, CrmRefuses):
            self._refused = f"it does not renew its access token: {error}; sign in anew"
            log.error("crm.token_refused", reason=str(error))
        known = isinstance(error, CrmRefuses | CrmUnavailable)
        self._put_off("no answer" if isinstance(error, TimeoutError) else str(error) if known else in_words(error))

    async def _renewal(self) -> None:
        """Look into the file first, then ask the CRM. Raises what `renew` raises, TimeoutError and CrmUnavailable."""
        async with self._store.alone():
            if await self._taken_over():
                if self._left_s() > 0:
                    return
            elif self._tokens is not None and self._unsaved:
                await self._save(self._tokens)
                if self._left_s() >= self._ahead_s:
                    return
            if self._tokens is not None and self._left_s() > 0 and self._tokens.access != self._not_taken:
                await self._try_the_disk(self._tokens)
            new = await self._granted(self._tokens.refresh if self._tokens is not None else self._first_refresh)
            await self._save(new)
        self._tokens = new
        self._renewed_at = self._clock()
        self._well_again()
        self.renewals += 1

    async def _try_the_disk(self, tokens: Tokens) -> None:
        """While our token is good, no refresh token is spent on a new one that could not be written down."""
        await self._save(tokens)
        if self._unsaved:
            self._unsaved = False  # nothing new is lost: these are in the file
            raise CrmUnavailable("the disk would not take the new token")

    async def _granted(self, refresh: str) -> Tokens:
        """New tokens from the CRM for this refresh token, which is not asked with again once it was refused."""
        if self._refused and refresh == self._dead:
            raise CrmUnavailable(self._refused)
        try:
            async with asyncio.timeout(_RENEWAL_LIMIT_S):
                granted = await self._renew(refresh)
        except CrmRefuses:
            self._dead = refresh
            raise
        lasts_s = min(max(granted.lasts_s, _SHORTEST_S), _LONGEST_S)
        return Tokens(granted.access, granted.refresh or refresh, self._clock() + lasts_s)

    async def _taken_over(self) -> bool:
        """Whether the file holds tokens that are newer than ours: another process has renewed, or signed in anew.

        What is there at the first look counts only if it began with the refresh token of the settings. Raises
        CrmUnavailable where it cannot be read and we have none of our own: renewing with the first refresh token would
        make the newer one in it worthless on some CRMs.
        """
        try:
            kept = await self._store.read()
        except (OSError, TimeoutError) as error:
            if self._tokens is not None:
                return False
            raise CrmUnavailable(f"{self._store.name} cannot be read: {in_words(error)}") from error
        first, self._looked = not self._looked, True
        changed, self._in_file = kept != self._in_file, kept
        if kept is None or not changed or (first and kept.began_with != self._mark):
            return False
        self._tokens, self._mark, self._unsaved = kept.tokens, kept.began_with, False
        self._well_again()
        return True

    async def _save(self, tokens: Tokens) -> None:
        """Write them down; where the disk does not take them they are used all the same, and written a little later."""
        kept = Kept(tokens, self._mark)
        try:
            await self._store.write(kept)
        except (OSError, TimeoutError) as error:
            self._unsaved = True
            self._not_before = self._clock() + _SAVED_AGAIN_S
            log.error("crm.token_not_saved", file=self._store.name, reason=in_words(error))
        else:
            self._in_file = kept
            self._unsaved = False
            self._not_before = 0.0

    def _well_again(self) -> None:
        self._pause_s, self._failed, self._refused, self._dead = 0.0, "", "", ""

    def _left_s(self) -> float:
        """Seconds until the access token ends; 0 or less when it has, or there is none."""
        return self._tokens.expires_at - self._clock() if self._tokens is not None else 0.0

    def _may_renew(self) -> bool:
        pause_s = self._not_before - self._clock()  # one longer than any that is made: the clock was set back
        return not self._closed and not 0 < pause_s <= _LONGEST_PAUSE_S

    def _put_off(self, reason: str) -> None:
        self.failures += 1
        self._failed = reason
        self._pause_s = min(max(_FIRST_PAUSE_S, self._pause_s * 2), _LONGEST_PAUSE_S)
        if self._refused:
            self._pause_s = _LOOKED_AGAIN_S
        self._not_before = self._clock() + self._pause_s

    def _why_none(self) -> str:
        if self._refused:
            return self._refused
        return f"its access token could not be renewed: {self._failed}" if self._failed else "it is closed"
