"""Vtiger Cloud's REST interface: the same operations as addresses, a user and his access key with every request.

Every request counts towards what the vendor allows per user and day, so the check does not ask each time.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any, NoReturn

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.vtiger.door import LOOK_UP_S, WRITE_S
from cti_bridge.crm.vtiger.envelope import VtigerSays, result_of, row_of, rows_of
from cti_bridge.crm.vtiger.numbers import searched_digits
from cti_bridge.crm.vtiger.words import Module
from cti_bridge.crm.web_client import Answer, WebClient
from cti_bridge.domain.number import CallerNumber

_PATH = "/restapi/v1/vtiger/default/"
_FAILED = 400
"""An operation that failed; what went wrong is in the body, where it is vtiger's."""
_WHOLE = "assigned_user_id"
"""Every record has an owner: where he is missing, the look-up has shown a part of the record only."""


class RestApi:
    """The door to Vtiger Cloud, as the user with this access key; it closes `client`.

    `check_every_s`: an answer that is younger than that is as good as a check.
    """

    def __init__(
        self,
        client: WebClient,
        *,
        user: str,
        access_key: str,
        check_every_s: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{access_key}".encode()).decode()}
        self._check_every_s = check_every_s
        self._clock = clock
        self._answered_at: float | None = None
        self._user_id = ""

    async def people(self, number: CallerNumber, modules: Sequence[Module]) -> list[tuple[Module, dict[str, Any]]]:
        """Whoever vtiger finds by the national digits, or by all digits when it finds nobody by those."""
        digits = searched_digits(number)
        whole = (number.e164 or "").removeprefix("+")
        fields = json.dumps({module.name: module.phones for module in modules})
        prefixes = {module.prefix: module for module in modules}
        for value in dict.fromkeys(one for one in (digits, whole) if one):
            found = rows_of(await self._get("lookup", {"type": "phone", "value": value, "searchIn": fields}))
            people = [(prefixes.get(str(row.get("id", "")).partition("x")[0]), row) for row in found]
            known = [(module, await self._whole(row)) for module, row in people if module is not None]
            if known:
                return known
        return []

    async def query(self, question: str, *, urgent: bool = True) -> list[dict[str, Any]]:
        """The records that a question asks for; a hundred at most."""
        return rows_of(await self._get("query", {"query": question}, urgent=urgent))

    async def describe(self, module: str) -> dict[str, Any]:
        """The fields of a module, as this user may see them."""
        return row_of(await self._get("describe", {"elementType": module}))

    async def create(self, module: str, element: Mapping[str, str]) -> str:
        """A new record; its id."""
        made = row_of(await self._post("create", {"elementType": module, "element": json.dumps(element)}))
        return str(made.get("id", ""))

    async def revise(self, element: Mapping[str, str]) -> None:
        """Change the named fields of a record, and leave the others."""
        await self._post("revise", {"element": json.dumps(element)})

    async def user(self) -> str:
        """The id of the user of the settings."""
        if not self._user_id:
            self._user_id = str(row_of(await self._get("me", {})).get("id", ""))
        return self._user_id

    async def check(self) -> None:
        """Ask who we are, unless something was answered a moment ago."""
        if self._answered_at is None or self._clock() - self._answered_at >= self._check_every_s:
            await self._get("me", {})

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _whole(self, row: dict[str, Any]) -> dict[str, Any]:
        return row if _WHOLE in row else row_of(await self._get("retrieve", {"id": str(row["id"])}))

    async def _get(self, operation: str, params: Mapping[str, str], *, urgent: bool = True) -> Any:
        return await self._asked("GET", operation, LOOK_UP_S, params=tuple(params.items()), urgent=urgent)

    async def _post(self, operation: str, form: Mapping[str, str]) -> Any:
        return await self._asked("POST", operation, WRITE_S, form=form, urgent=False)

    async def _asked(
        self,
        method: str,
        operation: str,
        within_s: float,
        *,
        params: Sequence[tuple[str, str]] = (),
        form: Mapping[str, str] | None = None,
        urgent: bool,
    ) -> Any:
        self._answered_at = None
        answer = await self._client.ask(
            method, _PATH + operation, headers=self._headers, params=params, form=form, within_s=within_s, urgent=urgent
        )
        try:
            result = await self._client.worked_out(answer, _failed if answer.status == _FAILED else result_of)
        except VtigerSays as said:
            raise said.judged() from None
        self._answered_at = self._clock()
        return result


def _failed(answer: Answer) -> NoReturn:
    """Say what an operation failed for. Raises VtigerSays, or CrmRefuses where the body does not tell."""
    with suppress(CrmUnavailable):
        result_of(replace(answer, status=200))
    raise CrmRefuses(f"vtiger refuses: HTTP {_FAILED}")
