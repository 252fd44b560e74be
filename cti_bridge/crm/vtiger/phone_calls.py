"""Tells vtiger of calls: the callback of its PBX module, or that of Vtiger Cloud, each behind a secret of its own.

The callback answers nothing when all is well, and HTTP 200 with a few words of XML when the secret is wrong; what it
does not want to know it leaves out without a word. So anything that is not expected is a failure, and told again.
"""

from dataclasses import replace
from json import loads
from typing import Any

from cti_bridge.crm.memory import Memory
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.vtiger.call_words import Manner, Message
from cti_bridge.crm.vtiger.door import WRITE_S, Door
from cti_bridge.crm.vtiger.envelope import unwanted
from cti_bridge.crm.vtiger.telling import Plan, Told, plan
from cti_bridge.crm.vtiger.vtql import literal, select
from cti_bridge.crm.vtiger.words import Flavour, Users
from cti_bridge.crm.web_client import Answer, WebClient
from cti_bridge.domain.call_report import CallReport

_PBX_PATH = "/modules/PBXManager/callbacks/PBXManager.php"
_CLOUD_PATH = "/modules/PhoneCalls/callbacks/Generic.php"
_FAILURE = b"<Authentication>Failure</Authentication>"
_WHAT_TO_RING = b"<Authentication>Success</Authentication>"
"""How vtiger CE answers the first message of a call; it adds whom it would ring, which is not asked of it."""

_NO_SUCH_USER = "no user of vtiger has the extension that unanswered calls are told for"


class PhoneCalls:
    """Tells of calls with this secret; `memory` knows what was told, `door` is asked when that is in doubt."""

    def __init__(self, client: WebClient, door: Door, memory: Memory, manner: Manner, *, secret: str) -> None:
        self._client = client
        self._door = door
        self._memory = memory
        self._manner = manner
        self._secret = secret

    async def tell(self, report: CallReport, users: Users) -> None:
        """Say what is to be said of a moment of a call. Raises CrmUnavailable; whatever was said by then stays."""
        manner = self._manner
        if manner.unanswered and users.with_extension(manner.unanswered) is None:
            raise CrmUnavailable(_NO_SUCH_USER)
        if users.with_extension(report.user) is None:
            report = replace(report, user="")
        told = Told.read(await self._memory.get(report.key))
        todo = plan(report, told, manner)
        if todo is None:
            return
        if todo.begin is not None:
            await self._begin(report.key, todo, todo.begin, told)
        for message in todo.rest:
            await self._send(message)
        await self._memory.put(report.key, todo.then.text())

    async def refusal(self, users: Users) -> str:
        """Why vtiger would take no calls; empty when nothing is known to be in the way.

        A Hangup without a cause is what its callback leaves out once it has looked at the secret. Vtiger Cloud has
        nothing of the kind.
        """
        if self._manner.unanswered and users.with_extension(self._manner.unanswered) is None:
            return _NO_SUCH_USER
        if self._manner.flavour is not Flavour.CLOUD:
            try:
                await self._send({"callstatus": "Hangup", "callUUID": "cti-bridge", "causetxt": "null"})
            except CrmUnavailable as why:
                return str(why)
        return ""

    async def _begin(self, key: str, todo: Plan, message: Message, told: Told) -> None:
        """Make the row, once: whether it was made is in doubt from before the message until its answer is there."""
        extension = todo.then.extension
        if not (told.doubtful and await self._is_there(todo.call_id)):
            await self._memory.put(key, Told(extension, doubtful=True).text())
            await self._send(message)
        await self._memory.put(key, Told(extension, begun=True).text())

    async def _is_there(self, call_id: str) -> bool:
        """Whether vtiger has a row of this call; SalesPlatform can be told again without harm."""
        if self._manner.flavour is Flavour.SALESPLATFORM:
            return False
        module = "PhoneCalls" if self._manner.flavour is Flavour.CLOUD else "PBXManager"
        try:
            rows = await self._door.query(select(module, [f"sourceuuid = {literal(call_id)}"], most=1), urgent=False)
        except CrmRefuses as refusal:
            raise CrmUnavailable(f"the calls in {module} cannot be read: {refusal}") from None
        return bool(rows)

    async def _send(self, message: Message) -> None:
        if self._manner.flavour is Flavour.CLOUD:
            answer = await self._client.ask(
                "POST",
                _CLOUD_PATH,
                headers={"X-VTIGER-SECRET": self._secret},
                params=tuple(message.items()),
                within_s=WRITE_S,
                urgent=False,
            )
        else:
            form = {**message, "vtigersignature": self._secret}
            answer = await self._client.ask("POST", _PBX_PATH, form=form, within_s=WRITE_S, urgent=False)
        _judge(answer, self._manner.flavour)


def _judge(answer: Answer, flavour: Flavour) -> None:
    """Return when the message was taken. Raises CrmUnavailable."""
    if answer.status != 200:
        raise unwanted(answer)
    said = answer.body.strip()
    if flavour is Flavour.CLOUD:
        if not said or _is_success(said):
            return
        raise CrmUnavailable("the callback of the phone gateway does not take the call")
    if _FAILURE in said:
        raise CrmUnavailable("the callback does not know our secret (vtigersignature)")
    if said and _WHAT_TO_RING not in said:
        raise CrmUnavailable("the callback answers text where it answers nothing when all is well")


def _is_success(said: bytes) -> bool:
    try:
        told: Any = loads(said)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("success") is True
