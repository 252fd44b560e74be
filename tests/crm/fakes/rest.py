"""A fake of a small CRM with a REST interface, such as somebody might have written for his own firm: nobody's product.

It is as strict as such a thing can be: unknown parameters, unknown or missing members and values of the wrong type are
refused, a body must be JSON and said to be, everything needs an access token. Numbers are kept as they were typed, and
`phone` finds whoever has one that ends in these digits. A call that is posted twice is there twice, unless both times
with the same `Idempotency-Key`; the same key with anything else is refused.
"""

import base64
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import web

SECRET = "ge:heim %"
USERS = ("olga", "petr")
STAGES = (
    {"code": "offer", "title": "Предложение", "position": 10, "closed": False},
    {"code": "PAID", "title": "Оплачено", "position": 20, "closed": False},
    {"code": "done", "title": "Закрыта", "position": 90, "closed": True},
    {"code": "lost", "title": "Отказ", "position": 99, "closed": True},
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Wrong(Exception):
    """A request that is not as it should be."""


@dataclass
class FakeRest:
    """`start()` it, look at `customers`, `calls`, `notes`; `ill` answers instead of it, if it is set."""

    port: int = 0
    ill: Handler | None = None
    ill_at_the_door: bool = True
    """Whether tokens come from there as well while it is ill."""
    nobody_status: int = 200
    """How it says that nobody has a number: 200 with an empty list, 204 or 404."""
    lasts_s: int = 3_600
    customers: dict[int, dict[str, Any]] = field(default_factory=dict)
    deals: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    notes: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """Method, path and query of everything that was asked."""
    refused: list[str] = field(default_factory=list)
    """What it did not like, for a test that wonders."""
    loses: int = 0
    """So many answers get lost: what was asked is done, and the line breaks."""
    kept: dict[str, tuple[tuple[str, str, bytes], web.Response]] = field(default_factory=dict)
    """What was asked with which key, and the answer."""
    tokens: set[str] = field(default_factory=set)
    renewals: int = 0
    _ids: Iterator[int] = field(default_factory=lambda: count(501))
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stopped(self) -> bool:
        """Whether nobody is there."""
        return self._runner is None

    async def start(self) -> None:
        """Listen, at the port of last time if there was one."""
        app = web.Application(middlewares=[self._door])
        app.router.add_post("/oauth/token", self._token)
        app.router.add_get("/v1/customers", self._find)
        app.router.add_post("/v1/customers", self._create)
        app.router.add_patch("/v1/customers/{id}", self._update)
        app.router.add_get("/v1/customers/{id}/deals", self._deals)
        app.router.add_get("/v1/customers/{id}/notes", self._notes)
        app.router.add_post("/v1/customers/{id}/notes", self._note)
        app.router.add_get("/v1/stages", self._stages)
        app.router.add_post("/v1/calls", self._call)
        app.router.add_patch("/v1/calls/{call}", self._change)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be gone; what it knows stays."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def add(self, name: str, phones: tuple[str, ...], *, manager: str = "", archived: bool = False) -> int:
        """A customer whom somebody typed in."""
        number = next(self._ids)
        self.customers[number] = {
            "id": number,
            "name": name,
            "phones": [{"kind": "work", "value": phone} for phone in phones],
            "manager": {"login": manager} if manager else None,
            "archived": archived,
        }
        self.deals[number], self.notes[number] = [], []
        return number

    def add_deal(self, customer: int, title: str, stage: str) -> None:
        """A deal of his; sums are texts, as a firm that has been hurt by floats has them."""
        deal = {"no": f"D-{next(self._ids)}", "subject": title, "status": stage, "sum": "1250000.50"}
        self.deals[customer].append({**deal, "changed": "2026-11-20 14:05:00"})

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        if self.ill is not None and (self.ill_at_the_door or request.path != "/oauth/token"):
            return await self.ill(request)
        if request.path != "/oauth/token" and request.headers.get("Authorization", "") not in self.tokens:
            return web.json_response({"error": {"code": "token"}}, status=401)
        try:
            if "application/json" not in request.headers.get("Accept", ""):
                raise Wrong("Accept")
            answer = await self._once(request, handler)
            if self.loses and request.method == "POST" and request.path != "/oauth/token":
                self.loses -= 1
                assert request.transport is not None
                request.transport.abort()
            return answer
        except Wrong as wrong:
            self.refused.append(f"{request.method} {request.path}: {wrong}")
            return web.json_response({"error": {"code": "wrong", "about": str(wrong)}}, status=422)

    async def _once(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None or request.method != "POST":
            return await handler(request)
        asked = (request.method, request.path, await request.read())
        if key in self.kept:
            before, answer = self.kept[key]
            if before != asked:
                raise Wrong("a key that was used for something else")
            return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
        given = await handler(request)
        assert isinstance(given, web.Response)
        if given.status < 300:
            self.kept[key] = asked, given
        return given

    async def _token(self, request: web.Request) -> web.StreamResponse:
        scheme, _, packed = request.headers.get("Authorization", "").partition(" ")
        known = base64.b64decode(packed).decode() == "cti-bridge:ge%3Aheim%20%25" if scheme == "Basic" else False
        form = dict(await request.post())
        if not known or form != {"grant_type": "client_credentials", "scope": "crm"}:
            return web.json_response({"error": "invalid_client"}, status=401)
        self.renewals += 1
        token = f"token-{next(self._ids)}"
        self.tokens.add(f"Bearer {token}")
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": self.lasts_s})

    async def _find(self, request: web.Request) -> web.StreamResponse:
        (phone,) = parameters(request, "phone")
        if not re.fullmatch(r"[0-9]{4,15}", phone):
            raise Wrong("phone")
        found = [
            customer
            for customer in self.customers.values()
            if any(digits(each["value"]).endswith(phone) for each in customer["phones"])
        ]
        if not found and self.nobody_status != 200:
            return web.Response(status=self.nobody_status)
        return web.json_response({"items": found, "total": len(found)})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        sent = await members(request, {"name": str, "phone": str}, {"email": str, "city": str, "manager": str})
        self._user(sent.get("manager"))
        made = self.add(sent["name"], (sent["phone"],), manager=sent.get("manager", ""))
        return web.json_response({"customer": {"id": made}}, status=201)

    async def _update(self, request: web.Request) -> web.StreamResponse:
        fields = {"name": str, "email": str, "city": str, "segment": str, "channel": str, "manager": str}
        sent = await members(request, {}, fields)
        customer = self.customers[self._customer(request)]
        if "manager" in sent:
            self._user(sent["manager"])
            customer["manager"] = {"login": sent.pop("manager")}
        customer.update(sent)
        return web.Response(status=204)

    async def _deals(self, request: web.Request) -> web.StreamResponse:
        parameters(request)
        found = self.deals[self._customer(request)]
        return web.json_response({"deals": found}) if found else web.Response(status=204)

    async def _notes(self, request: web.Request) -> web.StreamResponse:
        (limit,) = parameters(request, "limit")
        return web.json_response({"notes": self.notes[self._customer(request)][: int(limit)]})

    async def _note(self, request: web.Request) -> web.StreamResponse:
        sent = await members(request, {"text": str, "created": str}, {"author": str})
        self.notes[self._customer(request)].insert(0, sent)
        return web.json_response({"note": {"id": next(self._ids)}}, status=201)

    async def _stages(self, request: web.Request) -> web.StreamResponse:
        parameters(request)
        return web.json_response({"stages": STAGES})

    async def _call(self, request: web.Request) -> web.StreamResponse:
        needed = {"way": str, "began": int}
        sent = await members(request, needed, {"customer": int, "phone": str, "line": str, "user": str})
        if sent["way"] not in {"in", "out"}:
            raise Wrong("way")
        if "customer" in sent and sent["customer"] not in self.customers:
            return web.json_response({"error": {"code": "no such customer"}}, status=404)
        made = f"call/{next(self._ids)}"
        self.calls[made] = sent
        return web.json_response({"call": {"id": made}}, status=201)

    async def _change(self, request: web.Request) -> web.StreamResponse:
        fields = {"user": str, "answered": int, "ended": int, "talked": int, "result": str, "recordings": list}
        sent = await members(request, {}, fields)
        call = self.calls.get(request.match_info["call"])
        if call is None:
            return web.json_response({"error": {"code": "no such call"}}, status=404)
        if sent.get("result", "Held") not in {"Held", "Missed"}:
            raise Wrong("result")
        call.update(sent)
        return web.json_response({"call": {"id": request.match_info["call"]}})

    def _customer(self, request: web.Request) -> int:
        text = request.match_info["id"]
        if not text.isdecimal() or int(text) not in self.customers:
            raise web.HTTPNotFound(text="{}", content_type="application/json")
        return int(text)

    @staticmethod
    def _user(login: str | None) -> None:
        if login not in {None, *USERS}:
            raise Wrong("manager")


def digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def parameters(request: web.Request, *names: str) -> list[str]:
    """The values of exactly these parameters. Raises Wrong for any other, or one that is missing."""
    if sorted(request.query) != sorted(names):
        raise Wrong(f"parameters {sorted(request.query)}")
    return [request.query[name] for name in names]


async def members(request: web.Request, needed: Mapping[str, type], allowed: Mapping[str, type]) -> dict[str, Any]:
    """The body, with what is needed and nothing that is unknown. Raises Wrong."""
    if request.content_type != "application/json":
        raise Wrong("Content-Type")
    sent = await request.json()
    if not isinstance(sent, dict) or not set(needed) <= set(sent) <= {*needed, *allowed}:
        raise Wrong(f"members {sorted(sent) if isinstance(sent, dict) else sent}")
    for name, kind in {**needed, **allowed}.items():
        if name in sent and type(sent[name]) is not kind:
            raise Wrong(f"type of {name}")
    return dict(sent)
