"""Asking Bitrix24: one command at a time or up to fifty as one request, with the right to, no faster than allowed."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from cti_bridge.crm.bitrix.words.calls import known_saying
from cti_bridge.crm.bitrix.words.envelope import (
    EXPIRED,
    MOST_COMMANDS,
    Problem,
    packed,
    problem,
    reset_at,
    unpacked,
)
from cti_bridge.crm.bitrix.words.plain import Command
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.tokens import TokenKeeper
from cti_bridge.crm.web_client import WebClient, json_of

_CLOSED_S = 60.0
"""A method that ran for too long is left alone so long when it is not said until when."""
_LONGEST_CLOSED_S = 600.0
PROBE = "scope"
"""The method that only asks whether the portal is there, and what we may do."""


class Declined(Exception):
    """Bitrix24 will not take this request, however often it is tried. The message holds no customer data.

    `saying` is what it said of a call, where that is one of the sentences it is known to say; else empty.
    """

    def __init__(self, method: str, wrong: Problem) -> None:
        self.saying = known_saying(wrong.description)
        super().__init__(f"{method}: {self.saying or wrong}")


class Right(Protocol):
    """What lets us in."""

    async def token(self, *, within_s: float) -> str:
        """What to send with a request; empty where the address says it all. Raises CrmUnavailable."""
        ...

    async def another(self, token: str, *, within_s: float) -> str | None:
        """Another one in the place of this, which has ended; None when there is none."""
        ...

    def path(self, method: str) -> str:
        """Where a method is."""
        ...

    async def close(self) -> None:
        """Let go of what is on its way; may be called twice."""
        ...


class Webhook:
    """An incoming webhook: its address is the right itself. Calls cannot be told by it."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def token(self, *, within_s: float) -> str:
        """None is needed."""
        return ""

    async def another(self, token: str, *, within_s: float) -> str | None:
        """There is none."""
        return None

    def path(self, method: str) -> str:
        """The webhook's own address, then the method."""
        return f"{self._path}/{method}.json"

    async def close(self) -> None:
        """Nothing is held."""


class Application:
    """A local application: a token that lasts for an hour, renewed ahead of its end and when it is refused."""

    def __init__(self, keeper: TokenKeeper, authority: WebClient) -> None:
        self._keeper = keeper
        self._authority = authority

    async def token(self, *, within_s: float) -> str:
        """The token of this hour."""
        return await self._keeper.access(within_s=within_s)

    async def another(self, token: str, *, within_s: float) -> str | None:
        """A renewed one."""
        return await self._keeper.rejected(token, within_s=within_s)

    def path(self, method: str) -> str:
        """The same for everybody."""
        return f"/rest/{method}.json"

    async def close(self) -> None:
        """Let a renewal come to its end and close the line to who renews."""
        await self._keeper.close()
        await self._authority.close()


class Rest:
    """One portal. `clock` gives seconds since 1970, by which the portal says when a method is open again."""

    def __init__(self, web: WebClient, right: Right, pace: Pace, *, clock: Callable[[], float] = time.time) -> None:
        self._web = web
        self._right = right
        self._pace = pace
        self._clock = clock
        self._resets: dict[str, float] = {}
        self._closed_until: dict[str, float] = {}
        self._good_at = 0.0

    async def call(self, command: Command, *, within_s: float, urgent: bool) -> Any:
        """The answer to one command. Raises CrmUnavailable and Declined."""
        self._look_up([command.method])
        try:
            said, status = await self._exchange(command.method, command.params, within_s=within_s, urgent=urgent)
        except BaseException:
            self._good_at = 0.0
            raise
        wrong = problem(status, said)
        if wrong is not None and wrong.may_pass:
            self._good_at = 0.0
        elif command.method != PROBE:
            self._good_at = self._clock()
        self._note(command.method, reset_at(said.get("time") if isinstance(said, dict) else None), wrong)
        if wrong is not None:
            raise self._failure(command.method, wrong)
        return said["result"]

    async def batch(self, commands: Mapping[str, Command], *, within_s: float, urgent: bool) -> dict[str, Any]:
        """The answers to many commands, asked as one request; one that fails fails them all, as in `call`."""
        if len(commands) > MOST_COMMANDS:
            raise ValueError(f"more than {MOST_COMMANDS} commands")
        if not commands:
            return {}
        self._look_up(one.method for one in commands.values())
        answer = await self.call(Command("batch", packed(commands)), within_s=within_s, urgent=urgent)
        parts = unpacked(list(commands), answer)
        for name, part in parts.items():
            self._note(commands[name].method, part.reset_at, part.problem)
        for name, part in parts.items():
            if part.problem is not None:
                raise self._failure(commands[name].method, part.problem)
        return {name: part.answer for name, part in parts.items()}

    def has_just_answered(self, within_s: float) -> bool:
        """Whether the last request that was of use to somebody went well, and so short a time ago."""
        return 0 <= self._clock() - self._good_at < within_s

    async def close(self) -> None:
        """Close the lines; may be called twice."""
        await self._right.close()
        await self._web.close()

    async def _exchange(
        self, method: str, params: Mapping[str, Any], *, within_s: float, urgent: bool
    ) -> tuple[Any, int]:
        """What was said with which status; a token that has ended is renewed once."""
        token = await self._right.token(within_s=within_s)
        said, status = await self._post(method, params, token, within_s=within_s, urgent=urgent)
        wrong = problem(status, said)
        if wrong is None or wrong.code != EXPIRED:
            return said, status
        other = await self._right.another(token, within_s=within_s)
        if other is None:
            return said, status
        return await self._post(method, params, other, within_s=within_s, urgent=urgent)

    async def _post(
        self, method: str, params: Mapping[str, Any], token: str, *, within_s: float, urgent: bool
    ) -> tuple[Any, int]:
        body = {**params, "auth": token} if token else dict(params)
        answer = await self._web.ask("POST", self._right.path(method), json=body, within_s=within_s, urgent=urgent)
        return json_of(answer), answer.status

    def _look_up(self, methods: Iterable[str]) -> None:
        """Raises CrmUnavailable for a method that is closed for now: asking would only be counted."""
        now = self._clock()
        for method in methods:
            left_s = self._closed_until.get(method, 0.0) - now
            if left_s > 0:
                raise CrmUnavailable(f"{method} has used up its running time for {left_s:.0f} s more")

    def _note(self, method: str, at: float, wrong: Problem | None) -> None:
        """Remember when the running time of a method is counted anew, and close it until then when it is used up."""
        now = self._clock()
        if at > now:
            self._resets[method] = at
        if wrong is None:
            return
        if wrong.out_of_time:
            until = self._resets.get(method, 0.0)
            self._closed_until[method] = min(until if until > now else now + _CLOSED_S, now + _LONGEST_CLOSED_S)
        if wrong.hold_s:
            self._pace.hold(wrong.hold_s)

    @staticmethod
    def _failure(method: str, wrong: Problem) -> Exception:
        return CrmUnavailable(f"{method}: {wrong}") if wrong.may_pass else Declined(method, wrong)
