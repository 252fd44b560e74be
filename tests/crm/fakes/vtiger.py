"""A fake of vtiger: CE, SalesPlatform or Vtiger Cloud on loopback, as strict as their source and their documents say.

It is a fake and no vtiger: it was written after the published source of vtiger 6 and 7 and of SalesPlatform, and after
the vendor's pages on the cloud. It refuses operations by the wrong method, parameters that are missing or unknown,
fields that a module does not have, and questions that vtiger's lexer would not read; it answers errors with HTTP 200;
one user has one challenge at a time; sessions end. How the cloud's look-up compares numbers is not documented: here
digits at the end.
"""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

from fakes.vtiger_calls import FakeCalls
from fakes.vtiger_shapes import LONGEST, MANDATORY, OPERATIONS, PREFIXES, SHAPES, STAGES
from fakes.vtiger_vtql import Refused, module_of, understood

ACCESS_KEY = "uJ0Qe4mMbQpXbPbX"
CALLS_SECRET = "geheim-4711"
USER = "19x1"
"""The user of the bridge."""
_CLOUD_ONLY = {"me", "lookup"}
_BEFORE_LOGIN = {"getchallenge", "login"}
_LIFE_S, _IDLE_S, _CHALLENGE_S = 86_400.0, 1_800.0, 300.0
_FAILURE = '<?xml version="1.0" encoding="utf-8"?><Response><Authentication>Failure</Authentication></Response>'
_RING = (
    '<?xml version="1.0" encoding="utf-8"?><Response><Dial><Authentication>Success</Authentication>'
    "<Number>SIP/101</Number></Dial></Response>"
)
_BASIC = "Basic " + base64.b64encode(f"cti:{ACCESS_KEY}".encode()).decode()
_INSIDE = {"success": False, "error": {"code": "DATABASE_QUERY_ERROR", "message": "Жанна +74950000160"}}


@dataclass
class FakeVtiger:
    """`start` it and ask it at `url`; `flavour` is vtiger, salesplatform or cloud; `trouble` is what it does wrong."""

    flavour: str = "vtiger"
    records: dict[str, dict[str, dict[str, str]]] = field(default_factory=lambda: {name: {} for name in SHAPES})
    gone: set[str] = field(default_factory=set)
    sessions: dict[str, tuple[float, float]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    trouble: str = ""
    ahead_s: float = 0.0
    answers_lost: int = 0
    """So many records more are made, and the answer never comes."""
    challenges_spoilt: int = 0
    """So many challenges more are replaced by somebody else's at once."""
    port: int = 0
    _challenge: tuple[str, float] | None = None
    _numbered: int = 100
    _runner: web.AppRunner | None = None
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.calls = FakeCalls(self.flavour == "salesplatform", self._user_of, self._phones, complaints=self.complaints)
        self.add_user("1", "cti", "", "Мост")
        self.add_user("5", "olga", "101", "Ольга Сова")
        self.add_user("6", "dezhurny", "900", "Дежурный")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_user(self, number: str, login: str, extension: str, name: str) -> None:
        """A user; his extension is in the field that this flavour looks at."""
        place = "phone_work" if self.flavour == "cloud" else "phone_crm_extension"
        first, _, last = name.partition(" ")
        user = {"user_name": login, "first_name": first, "last_name": last, place: extension}
        self.records["Users"][f"19x{number}"] = {"id": f"19x{number}", **user}

    def add(self, module: str, **fields: str) -> str:
        """A record, put in by somebody else; its id."""
        self._numbered += 1
        record = f"{PREFIXES[module]}x{self._numbered}"
        self.records[module][record] = {"id": record, "assigned_user_id": USER, **fields}
        return record

    async def start(self) -> None:
        """Listen, at the port of last time if there was one."""
        self._released = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/webservice.php", self._webservice)
        app.router.add_route("*", "/restapi/v1/vtiger/default/{operation}", self._rest)
        app.router.add_route("*", "/modules/PBXManager/callbacks/PBXManager.php", self._pbx)
        app.router.add_route("*", "/modules/PhoneCalls/callbacks/Generic.php", self._generic)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be down; whoever was left hanging is let go."""
        self._released.set()
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    def recover(self) -> None:
        """Be well again."""
        self.trouble = ""
        self._released.set()

    def now(self) -> float:
        """The time as this vtiger sees it; `ahead_s` makes it later."""
        return asyncio.get_running_loop().time() + self.ahead_s

    async def _in_trouble(self, inside: web.Response) -> web.Response | None:
        if self.trouble == "hangs":
            await self._released.wait()
        if self.trouble == "html":
            return web.Response(text="<!DOCTYPE html><html>Вход</html>", content_type="text/html")
        if self.trouble == "limited":
            return web.Response(status=429, headers={"Retry-After": "1"})
        return inside if self.trouble == "error inside" else None

    async def _webservice(self, request: web.Request) -> web.Response:
        told = {**request.query, **{name: str(text) for name, text in (await request.post()).items()}}
        operation = told.pop("operation", "").lower()
        self.asked.append(operation)
        if (wrong := await self._in_trouble(web.json_response(_INSIDE))) is not None:
            return wrong
        try:
            self._is_allowed(operation, request, set(told) - {"sessionName"}, cloud=False)
            if operation not in _BEFORE_LOGIN:
                self._session(told.pop("sessionName", ""))
            return self._answer(operation, {"success": True, "result": self._run(operation, told)})
        except Refused as refused:
            error = {"code": refused.code, "message": "Permission denied for Жанна"}
            return web.json_response({"success": False, "error": error})

    async def _rest(self, request: web.Request) -> web.Response:
        operation = request.match_info["operation"]
        self.asked.append(operation)
        if (wrong := await self._in_trouble(web.json_response(_INSIDE, status=400))) is not None:
            return wrong
        if request.headers.get("Authorization") != _BASIC:
            return web.Response(status=401, text="Unauthorized")
        told = {**request.query, **{name: str(text) for name, text in (await request.post()).items()}}
        try:
            self._is_allowed(operation, request, set(told), cloud=True)
            return self._answer(operation, {"success": True, "result": self._run(operation, told)})
        except Refused as refused:
            error = {"code": refused.code, "message": "Permission denied for Жанна"}
            return web.json_response({"success": False, "error": error}, status=400)

    async def _pbx(self, request: web.Request) -> web.Response:
        told = {**request.query, **{name: str(text) for name, text in (await request.post()).items()}}
        if (wrong := await self._in_trouble(_xml(_FAILURE))) is not None:
            return wrong
        if self.flavour == "cloud" or told.get("vtigersignature") != CALLS_SECRET:
            return _xml(_FAILURE)
        self.calls.take(told)
        rings = told["callstatus"] == "StartApp" and self.flavour == "vtiger"
        return self._taken(_xml(_RING) if rings else web.Response(text=""))

    async def _generic(self, request: web.Request) -> web.Response:
        if (wrong := await self._in_trouble(web.json_response(_INSIDE))) is not None:
            return wrong
        if request.method != "POST" or request.headers.get("X-VTIGER-SECRET") != CALLS_SECRET:
            return web.Response(status=401)
        self.calls.take_in_the_cloud(dict(request.query))
        return self._taken(web.json_response({"success": True}))

    def _answer(self, operation: str, said: dict[str, Any]) -> web.Response:
        if operation == "create" and self.answers_lost:
            self.answers_lost -= 1
            return web.Response(status=504)
        return web.json_response(said)

    def _taken(self, answer: web.Response) -> web.Response:
        if self.calls.answers_lost:
            self.calls.answers_lost -= 1
            return web.Response(status=504)
        return answer

    def _is_allowed(self, operation: str, request: web.Request, told: set[str], *, cloud: bool) -> None:
        method, needed = OPERATIONS.get(operation, ("", frozenset()))
        unknown = not method or (operation in _CLOUD_ONLY and not cloud) or (operation in _BEFORE_LOGIN and cloud)
        if unknown or (self.flavour == "cloud") != cloud or method != request.method or told != needed:
            self.complaints.append(f"{request.method} {operation}: {sorted(told)}")
            raise Refused("UNKNOWN_OPERATION")

    def _session(self, name: str) -> None:
        if name not in self.sessions:
            raise Refused("INVALID_SESSIONID" if name else "AUTHENTICATION_REQUIRED")
        born, used = self.sessions.pop(name)
        if self.now() - born > _LIFE_S:
            raise Refused("SESSION_EXPIRED")
        if self.now() - used > _IDLE_S:
            raise Refused("SESSION_LEFT_IDLE")
        self.sessions[name] = (born, self.now())

    def _run(self, operation: str, told: dict[str, str]) -> Any:
        return getattr(self, f"_do_{operation}")(told)

    def _do_getchallenge(self, told: dict[str, str]) -> dict[str, Any]:
        if told["username"] != "cti":
            raise Refused("ACCESS_DENIED")
        self._numbered += 1
        self._challenge = (f"token-{self._numbered}", self.now())
        challenge = {"token": self._challenge[0], "serverTime": 1, "expireTime": 301}
        if self.challenges_spoilt:
            self.challenges_spoilt -= 1
            self._challenge = ("somebody-elses", self.now())
        return challenge

    def _do_login(self, told: dict[str, str]) -> dict[str, str]:
        if self._challenge is None or self.now() - self._challenge[1] > _CHALLENGE_S or told["username"] != "cti":
            raise Refused("INVALID_AUTH_TOKEN")
        if hashlib.md5(f"{self._challenge[0]}{ACCESS_KEY}".encode()).hexdigest() != told["accessKey"]:
            raise Refused("INVALID_USER_CREDENTIALS")
        self._numbered += 1
        self.sessions[f"session-{self._numbered}"] = (self.now(), self.now())
        return {"sessionName": f"session-{self._numbered}", "userId": USER, "version": "0.22", "vtigerVersion": "7.1.0"}

    def _do_me(self, _told: dict[str, str]) -> dict[str, str]:
        return {"id": USER, "user_name": "cti"}

    def _do_query(self, told: dict[str, str]) -> list[dict[str, str]]:
        query = told["query"]
        module = module_of(query)
        if module not in SHAPES:
            raise Refused("ACCESS_DENIED")
        question = understood(query, SHAPES[module])
        rows = [row for row in self._there(module) if question.holds(row)]
        if question.newest_by:
            rows.sort(key=lambda row: row.get(question.newest_by, ""), reverse=True)
        page = rows[question.skipping : question.skipping + question.most]
        names = question.columns or ("id", *SHAPES[module].fields)
        return [{"id": row["id"], **{name: row.get(name, "") for name in names}} for row in page]

    def _do_describe(self, told: dict[str, str]) -> dict[str, Any]:
        module = told["elementType"]
        if module not in SHAPES:
            raise Refused("ACCESS_DENIED")
        kinds: dict[str, Any] = {"picklist": [{"label": one, "value": one} for one in STAGES]}
        fields = [
            {"name": name, "label": name, "type": {"name": kind, "picklistValues": kinds.get(kind, [])}}
            for name, kind in SHAPES[module].fields.items()
        ]
        rights = {"createable": True, "updateable": True, "deleteable": True, "retrieveable": True}
        return {"name": module, "idPrefix": PREFIXES[module], "fields": fields, **rights}

    def _do_retrieve(self, told: dict[str, str]) -> dict[str, str]:
        return self._record(told["id"])

    def _do_lookup(self, told: dict[str, str]) -> list[dict[str, str]]:
        if told["type"] != "phone" or not told["value"].isdecimal():
            raise Refused("ACCESS_DENIED")
        found = []
        for module, fields in json.loads(told["searchIn"]).items():
            for row in self._there(module):
                typed = {name: row.get(name, "") for name in fields if name in SHAPES[module].fields}
                if any(re.sub(r"[-()\s+]", "", text).endswith(told["value"]) for text in typed.values() if text):
                    found.append({"id": row["id"], **typed})
        return found

    def _do_create(self, told: dict[str, str]) -> dict[str, str]:
        module = told["elementType"]
        kept = self._stored(module, json.loads(told["element"]))
        if any(not kept.get(name) for name in MANDATORY.get(module, {"nothing can be made there"})):
            raise Refused("MANDATORY_FIELDS_MISSING")
        times = dict.fromkeys(("createdtime", "modifiedtime"), f"2026-11-20 12:00:{self._numbered % 60:02}")
        made = self.add(module, **{"creator": USER, **times, **kept})
        return dict(self.records[module][made])

    def _do_revise(self, told: dict[str, str]) -> dict[str, str]:
        changed = json.loads(told["element"])
        record = self._record(changed.pop("id", ""))
        module = next(name for name, prefix in PREFIXES.items() if record["id"].startswith(f"{prefix}x"))
        self.records[module][record["id"]].update(self._stored(module, changed))
        return record

    def _stored(self, module: str, told: Mapping[str, str]) -> dict[str, str]:
        """What the tables keep: no unknown field, no longer text than a column has, nothing from four bytes on."""
        if unknown := set(told) - set(SHAPES[module].fields):
            self.complaints.append(f"{module} has no {sorted(unknown)}")
        owner = told.get("assigned_user_id", USER)
        if owner not in self.records["Users"]:
            raise Refused("ACCESS_DENIED")
        if "related_to" in told and module == "ModComments":
            self._record(told["related_to"])
        short = {name: re.split("[\U00010000-\U0010ffff]", text)[0] for name, text in told.items()}
        return {name: text[: LONGEST.get(name, 65_535)] for name, text in short.items()}

    def _record(self, record: str) -> dict[str, str]:
        prefix = record.partition("x")[0]
        modules = [name for name, its in PREFIXES.items() if its == prefix]
        if not modules:
            raise Refused("ACCESS_DENIED")
        found = self.records[modules[0]].get(record)
        if found is None or record in self.gone:
            raise Refused("RECORD_NOT_FOUND")
        return found

    def _there(self, module: str) -> list[dict[str, str]]:
        if module in {"PBXManager", "PhoneCalls"}:
            return [{"id": f"43x{index}", **asdict(row)} for index, row in enumerate(self.calls.rows)]
        return [row for row in self.records[module].values() if row["id"] not in self.gone]

    def _user_of(self, number: str) -> str:
        users = self.records["Users"].values()
        places = ("phone_crm_extension", "phone_work")
        return next((user["id"] for user in users if number and number in [user.get(place) for place in places]), "")

    def _phones(self) -> Iterator[tuple[str, str]]:
        for module in ("Contacts", "Leads", "Accounts"):
            for row in self._there(module):
                yield from ((row["id"], row.get(name, "")) for name in ("phone", "mobile", "homephone"))


def _xml(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/xml")
