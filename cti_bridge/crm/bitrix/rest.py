"""Asking Bitrix24: one command at a time or up to fifty as one request, with the right to, no faster than allowed."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from cti_bridge.crm.bitrix.words.calls import known_saying
from cti_bridge.crm.bitrix.words.envelope import MOST_COMMANDS, Problem, Running, packed, problem, running, unpacked
from cti_bridge.crm.bitrix.words.plain import Command
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import CrmBusy, CrmUnavailable
from cti_bridge.crm.tokens import TokenKeeper
from cti_bridge.crm.web_client import WebClient, json_of

_CLOSED_S = 60.0
"""A method that ran for too long is left alone so long when it is not said until when."""
_LONGEST_CLOSED_S = 600.0
_MOST_RUNNING_S = 300.0
"""What is not urgent is asked for no more once a method has run for so long; it is closed to us after 480 s."""
_NOT_LET_IN = 401
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
        self._running: dict[str, Running] = {}
        self._closed_until: dict[str, float] = {}
        self._good_at = 0.0

    @property
    def address(self) -> str:
        """The portal's address, without what lets one in."""
        return self._web.base_url

    async def call(self, command: Command, *, within_s: float, urgent: bool) -> Any:
        """The answer to one command. Raises CrmUnavailable and Declined."""
        self._look_up([command.method], urgent=urgent)
        try:
            said, status = await self._exchange(command.method, command.params, within_s=within_s, urgent=urgent)
        except CrmBusy:
            raise
        except BaseException:
            self._good_at = 0.0
            raise
        wrong = problem(status, said)
        if wrong is not None and wrong.may_pass:
            self._good_at = 0.0
        elif command.method != PROBE:
            self._good_at = self._clock()
        self._note(command.method, running(said.get("time") if isinstance(said, dict) else None), wrong)
        if wrong is not None:
            raise self._failure(command.method, wrong)
        return said["result"]

    async def batch(
        self, commands: Mapping[str, Command], *, then: Mapping[str, Command] = {}, within_s: float, urgent: bool
    ) -> dict[str, Any]:
        """The answers to many commands, asked as one request; one that fails fails them all, as in `call`.

        `then` is what may be done as well, in this order, for as long as none of it fails: it may be missing.
        """
        if not commands:
            return {}
        self._look_up((one.method for one in commands.values()), urgent=urgent)
        every = {**commands, **(then if self._open(one.method for one in then.values()) else {})}
        if len(every) > MOST_COMMANDS:
            raise ValueError(f"more than {MOST_COMMANDS} commands")
        packet = Command("batch", packed(every, halt=len(every) > len(commands)))
        parts = unpacked(list(every), await self.call(packet, within_s=within_s, urgent=urgent))
        for name, part in parts.items():
            self._note(every[name].method, part.running, part.problem)
        for name in commands:
            wrong = parts[name].problem
            if wrong is not None:
                self._good_at = 0.0
                raise self._failure(every[name].method, wrong)
        return {name: part.answer for name, part in parts.items() if part.problem is None}

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
        """What was said with which status; a token that has ended, or is not known any more, is renewed once."""
        token = await self._right.token(within_s=within_s)
        said, status = await self._post(method, params, token, within_s=within_s, urgent=urgent)
        if problem(status, said) is None or status != _NOT_LET_IN:
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
        return await self._web.worked_out(answer, json_of), answer.status

    def _look_up(self, methods: Iterable[str], *, urgent: bool) -> None:
        """Raises CrmUnavailable for a method that is closed for now: asking would only be counted.

        And CrmBusy for one that has run for so long that what is left of its time is for callers.
        """
        now = self._clock()
        for method in methods:
            left_s = self._closed_until.get(method, 0.0) - now
            if left_s > 0:
                raise CrmUnavailable(f"{method} has used up its running time for {left_s:.0f} s more")
            ran = self._running.get(method, Running())
            if not urgent and ran.used_s > _MOST_RUNNING_S and ran.reset_at > now:
                raise CrmBusy(
                    f"the rest of the running time of {method} is for callers, {ran.reset_at - now:.0f} s more"
                )

    def _open(self, methods: Iterable[str]) -> bool:
        now = self._clock()
        return all(self._closed_until.get(method, 0.0) <= now for method in methods)

    def _note(self, method: str, ran: Running, wrong: Problem | None) -> None:
        """Remember for how long a method has run, and close it until that is forgotten when it was too long."""
        now = self._clock()
        if ran.reset_at > now:
            self._running[method] = ran
        if wrong is None:
            return
        if wrong.out_of_time:
            until = self._running.get(method, Running()).reset_at
            self._closed_until[method] = min(until if until > now else now + _CLOSED_S, now + _LONGEST_CLOSED_S)
        if wrong.hold_s:
            self._pace.hold(wrong.hold_s)

    @staticmethod
    def _failure(method: str, wrong: Problem) -> Exception:
        return CrmUnavailable(f"{method}: {wrong}") if wrong.may_pass else Declined(method, wrong)
