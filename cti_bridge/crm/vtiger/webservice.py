"""vtiger's web services, `webservice.php`: one address, operations as parameters, and a session that runs out.

A session begins with a challenge and a digest of it with the user's access key; it ends after a day, and after half an
hour without a question. PHP answers the questions of one session one after the other, so there are a few sessions, and
the one that has been idle longest is used by the check that runs anyway: a caller hardly ever waits for a sign-in.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.vtiger.door import LOOK_UP_S, WRITE_S
from cti_bridge.crm.vtiger.envelope import SESSION_OVER, VtigerSays, result_of, row_of, rows_of
from cti_bridge.crm.vtiger.numbers import searched_digits
from cti_bridge.crm.vtiger.vtql import in_this_order, literal, select
from cti_bridge.crm.vtiger.words import Module
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.number import CallerNumber

_PATH = "/webservice.php"
_SESSIONS = 4
_BUSY = 3
"""With so many questions on its way in each session, signing in to another one is worth it."""
_LIFE_S = 23 * 3600.0
"""vtiger ends a session after 24 hours."""
_IDLE_S = 25 * 60.0
"""vtiger ends a session that was not used for 30 minutes."""
_RACED = frozenset({"INVALID_AUTH_TOKEN", "INVALID_USER_CREDENTIALS"})
"""Also said when somebody else has asked for a challenge for the same user since: it has one at a time."""


@dataclass(slots=True)
class _Session:
    """One session: its name (empty before the first sign-in), when it began and was last used, how busy it is."""

    name: str = ""
    user: str = ""
    born: float = 0.0
    used: float = 0.0
    busy: int = 0

    def is_good(self, now: float) -> bool:
        """Whether vtiger should still know it."""
        return bool(self.name) and now - self.born < _LIFE_S and now - self.used < _IDLE_S


class WebService:
    """The door to vtiger CE and SalesPlatform, as the user with this access key; it closes `client`."""

    def __init__(
        self, client: WebClient, *, user: str, access_key: str, clock: Callable[[], float] = monotonic
    ) -> None:
        self._client = client
        self._user = user
        self._access_key = access_key
        self._clock = clock
        self._sessions = tuple(_Session() for _ in range(_SESSIONS))
        self._signing_in = asyncio.Lock()

    async def people(self, number: CallerNumber, modules: Sequence[Module]) -> list[tuple[Module, dict[str, Any]]]:
        """Whoever has these digits in this order in a field for telephone numbers, asked of all modules at once."""
        found = await asyncio.gather(
            *(self.query(_whose(number, module)) for module in modules), return_exceptions=True
        )
        people: list[tuple[Module, dict[str, Any]]] = []
        for module, rows in zip(modules, found, strict=True):
            if isinstance(rows, BaseException):
                raise rows
            people += ((module, row) for row in rows)
        return people

    async def query(self, question: str, *, urgent: bool = True) -> list[dict[str, Any]]:
        """The records that a question asks for; a hundred at most."""
        return rows_of(await self._read("query", {"query": question}, urgent=urgent))

    async def describe(self, module: str) -> dict[str, Any]:
        """The fields of a module, as this user may see them."""
        return row_of(await self._read("describe", {"elementType": module}))

    async def create(self, module: str, element: Mapping[str, str]) -> str:
        """A new record; its id."""
        made = row_of(await self._write("create", {"elementType": module, "element": json.dumps(element)}))
        return str(made.get("id", ""))

    async def revise(self, element: Mapping[str, str]) -> None:
        """Change the named fields of a record, and leave the others."""
        await self._write("revise", {"element": json.dumps(element)})

    async def user(self) -> str:
        """The id of the user who is signed in."""
        session = self._sessions[0]
        await self._signed_in(session)
        return session.user

    async def check(self) -> None:
        """Ask for something small in the session that has been idle longest, so that none runs out."""
        session = min(self._sessions, key=lambda one: one.used)
        await self._in(session, "query", {"query": "SELECT id FROM Users LIMIT 1;"}, urgent=True)

    async def close(self) -> None:
        """Close the connections; the sessions end by themselves."""
        await self._client.close()

    async def _read(self, operation: str, params: Mapping[str, str], *, urgent: bool = True) -> Any:
        return await self._in(self._free(), operation, params, urgent=urgent)

    async def _write(self, operation: str, form: Mapping[str, str]) -> Any:
        return await self._in(self._free(), operation, form, urgent=False, writing=True)

    def _free(self) -> _Session:
        """The session with the fewest questions on their way; one that has to be signed in only under load."""
        now = self._clock()
        good = [one for one in self._sessions if one.is_good(now)]
        if not good:
            return self._sessions[0]
        free = min(good, key=lambda one: one.busy)
        return free if free.busy < _BUSY else min(self._sessions, key=lambda one: one.busy)

    async def _in(
        self, session: _Session, operation: str, params: Mapping[str, str], *, urgent: bool, writing: bool = False
    ) -> Any:
        """What an operation gives; a session that vtiger does not know any more is replaced once."""
        session.busy += 1
        try:
            name = await self._signed_in(session)
            try:
                result = await self._exchange(operation, name, params, urgent=urgent, writing=writing)
            except VtigerSays as said:
                if said.code not in SESSION_OVER:
                    raise
                name = await self._signed_in(session, instead_of=name)
                result = await self._exchange(operation, name, params, urgent=urgent, writing=writing)
        except VtigerSays as said:
            raise said.judged() from None
        finally:
            session.busy -= 1
        session.used = self._clock()
        return result

    async def _exchange(
        self, operation: str, session: str, params: Mapping[str, str], *, urgent: bool, writing: bool
    ) -> Any:
        told = {"operation": operation, "sessionName": session, **params}
        if writing:
            answer = await self._client.ask("POST", _PATH, form=told, within_s=WRITE_S, urgent=urgent)
        else:
            answer = await self._client.ask("GET", _PATH, params=tuple(told.items()), within_s=LOOK_UP_S, urgent=urgent)
        return await self._client.worked_out(answer, result_of)

    async def _signed_in(self, session: _Session, *, instead_of: str = "") -> str:
        """The name of a session that is good, after signing in where it is not, or is `instead_of`."""
        if session.is_good(self._clock()) and session.name != instead_of:
            return session.name
        # One at a time: a user has one challenge, and asking for another makes the first worthless.
        async with self._signing_in:
            if not session.is_good(self._clock()) or session.name == instead_of:
                session.name, session.user = await self._sign_in()
                session.born = session.used = self._clock()
            return session.name

    async def _sign_in(self) -> tuple[str, str]:
        """A new session: its name, and the id of the user."""
        try:
            try:
                login = await self._login()
            except VtigerSays as said:
                if said.code not in _RACED:
                    raise
                login = await self._login()
        except VtigerSays as said:
            raise CrmUnavailable(f"vtiger does not let us in: {said.code}") from None
        name, user = login.get("sessionName"), login.get("userId")
        if not isinstance(name, str) or not name or not isinstance(user, str):
            raise CrmUnavailable("answered JSON that is not vtiger's")
        return name, user

    async def _login(self) -> dict[str, Any]:
        asked = (("operation", "getchallenge"), ("username", self._user))
        challenge = row_of(result_of(await self._client.ask("GET", _PATH, params=asked, within_s=LOOK_UP_S)))
        told = f"{challenge.get('token', '')}{self._access_key}".encode(errors="replace")
        proof = hashlib.md5(told, usedforsecurity=False)
        form = {"operation": "login", "username": self._user, "accessKey": proof.hexdigest()}
        return row_of(result_of(await self._client.ask("POST", _PATH, form=form, within_s=LOOK_UP_S)))


def _whose(number: CallerNumber, module: Module) -> str:
    """The question for who may have a number: by its digits, or by the text as it stands where it has too few."""
    digits = searched_digits(number)
    condition = f"LIKE {in_this_order(digits)}" if digits else f"= {literal(number.key or number.raw)}"
    return select(module.name, [f"{phone} {condition}" for phone in module.phones])
