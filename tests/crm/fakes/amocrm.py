"""A fake of amoCRM's API v4 on loopback, made from its documentation; nobody has compared it with the real one.

It is strict where the documentation is: an empty list is HTTP 204 without a body, more than 7 requests in a second are
HTTP 429, whoever goes on is blocked with HTTP 403, calls can be filed and never read by their own address (405), a call
is filed by the last ten digits with the only active lead or else the contact and is a note there, an incoming lead
cannot be there twice, errors are problem+json, unknown and missing keys are refused, a refresh token and a code work
once (401 afterwards, "Token has been revoked"). That nobody has a number is HTTP 400 with an error inside, as its
users have seen it; the other shape that has been told of can be had as well (`nobody_status`).

Guessed: that `query` finds a number by its digits whatever stands between them, that amoCRM itself does not look at the
`uniq` of a call, that a contact which is gone is HTTP 204 or a 404 in JSON, and that the block with 403 is no JSON.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fakes.amocrm_answers import LISTED, hal, hal_list, known, page_of, problem
from fakes.amocrm_calls import digits, listed_incoming, listed_notes, note_of, owner_of, place_of
from fakes.amocrm_forms import CALL, CONTACT, LEAD, LEAD_FROM_CALL, NOTE, Form, Wrong, checked

PER_S = 7
BLOCKED_AFTER = 20
"""So many refused requests, and the address is blocked."""
USERS = (7741024, 7741025)
ENDS = ((142, "Успешно", 10000), (143, "Не вышло", 11000))
PIPELINES = (
    (3177727, "Продажи", False, ((30, "Неразобранное", 10), *ENDS, (31, "Предложение", 20), (32, "Ждём оплату", 30))),
    (3177728, "Сервис", False, (*ENDS, (41, "Заявка", 20))),
    (3177729, "Старая", True, (*ENDS, (51, "Было", 20))),
)
"""Id, name, whether it is archived, and the statuses: id, name, place."""
UNSORTED = 30
"""The status of incoming leads."""
OWN_FIELDS = (501, 502)
"""Fields for contacts that the account has made itself."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FakeAmocrm:
    """One account. `clock` is what its limit is measured by; None for `per_s` lifts the limit."""

    clock: Callable[[], float] = time.monotonic
    per_s: int | None = PER_S
    nobody_status: int = 400
    code: str = "der-code"
    long_lived: str = "das-token"
    port: int = 0
    ill: Handler | None = None
    """What answers instead of the account, if anything."""
    loses_next: str = ""
    """The next POST to this path is carried out, and its answer lost."""
    refuses_posts: bool = False
    """What is sent never arrives; what is asked is answered."""
    changed_at: int = 0
    """When what is added now was changed; 0: each a second after the one before."""
    contacts: dict[int, dict[str, Any]] = field(default_factory=dict)
    leads: dict[int, dict[str, Any]] = field(default_factory=dict)
    notes: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    """What stands in the feed of a contact (`contacts`, id) or a lead (`leads`, id), calls among it."""
    calls: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Every call that was filed, with its contact."""
    incoming: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """Method and path of everything that was asked and not limited."""
    limited: int = 0
    renewals: int = 0
    access: set[str] = field(default_factory=set)
    refresh: str = ""
    _recent: deque[float] = field(default_factory=deque)
    _last_id: int = 1000
    _used: set[str] = field(default_factory=set)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application(middlewares=[self._door])
        app.add_routes(
            [
                web.post("/oauth2/access_token", self._sign_in),
                web.get("/api/v4/account", self._account),
                web.get("/api/v4/contacts", self._find_contacts),
                web.post("/api/v4/contacts", self._make_contacts),
                web.get("/api/v4/contacts/custom_fields", self._fields),
                web.get(r"/api/v4/contacts/{id:\d+}", self._one_contact),
                web.patch(r"/api/v4/contacts/{id:\d+}", self._change_contact),
                web.get(r"/api/v4/contacts/{id:\d+}/notes", self._read_notes),
                web.post(r"/api/v4/contacts/{id:\d+}/notes", self._make_notes),
                web.get("/api/v4/leads", self._find_leads),
                web.post("/api/v4/leads", self._make_leads),
                web.get("/api/v4/leads/notes", self._read_leads_notes),
                web.get("/api/v4/leads/unsorted", self._read_incoming),
                web.get("/api/v4/leads/pipelines", self._pipelines),
                web.post("/api/v4/leads/unsorted/sip", self._make_incoming),
                web.post("/api/v4/calls", self._file_calls),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def add_contact(self, name: str, numbers: tuple[str, ...], *, responsible: int = 0) -> int:
        """Somebody types a contact in; without a number nothing is filled in, and the fields are null."""
        id_ = self.new_id()
        typed = [{"value": number, "enum_id": 1, "enum_code": "WORK"} for number in numbers]
        fields = [{"field_id": 11, "field_name": "Телефон", "field_code": "PHONE", "values": typed}] if typed else None
        self.contacts[id_] = {
            "id": id_,
            "name": name,
            "responsible_user_id": responsible,
            "updated_at": self.changed_at or 1795000000 + id_,
            "is_deleted": False,
            "custom_fields_values": fields,
        }
        return id_

    def add_lead(
        self, contact: int, title: str, pipeline: int, status: int, *, price: int = 0, others: tuple[int, ...] = ()
    ) -> int:
        """A lead with its main contact, and other contacts of it."""
        id_ = self.new_id()
        self.leads[id_] = {
            "id": id_,
            "name": title,
            "price": price,
            "pipeline_id": pipeline,
            "status_id": status,
            "responsible_user_id": USERS[0],
            "updated_at": self.changed_at or 1795000000 + id_,
            "is_deleted": False,
            "contact": contact,
            "others": others,
        }
        return id_

    def expire(self) -> None:
        """No access token is good any more."""
        self.access.clear()

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.ill is not None:
            return await self.ill(request)
        if self.refuses_posts and request.method == "POST":
            return web.Response(status=502)
        now = self.clock()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if self.limited >= BLOCKED_AFTER:
            return web.Response(status=403, text="<html>Forbidden</html>", content_type="text/html")
        if self.per_s is not None and len(self._recent) >= self.per_s:
            self.limited += 1
            return problem(429, "Too Many Requests")
        self._recent.append(now)
        self.requests.append(f"{request.method} {request.path}")
        if request.path.startswith("/api/") and not self._knows(request):
            return problem(401, "Unauthorized")
        try:
            answer = await handler(request)
            if request.method == "POST" and request.path == self.loses_next:
                self.loses_next = ""
                return web.Response(status=502)
            return answer
        except Wrong as wrong:
            return problem(400, "Bad Request", wrong)
        except web.HTTPMethodNotAllowed:
            return problem(405, "Method Not Allowed")
        except web.HTTPNotFound:
            return problem(404, "Not Found")

    def _knows(self, request: web.Request) -> bool:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return token == self.long_lived or token in self.access

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        begins = asked.get("grant_type") == "authorization_code"
        given = "code" if begins else "refresh_token"
        if set(asked) != {"client_id", "client_secret", "grant_type", "redirect_uri", given}:
            raise Wrong("body", "ExtraOrMissing")
        if (asked["client_id"], asked["client_secret"]) != ("die-id", "das-geheimnis"):
            return problem(401, "Unauthorized")
        token = asked[given]
        if token in self._used or token != (self.code if begins else self.refresh):
            return problem(401, "Некорректный запрос", hint="Token has been revoked")
        self._used.add(token)
        self.renewals += 1
        self.refresh, access = f"refresh-{self.renewals}", f"access-{self.renewals}"
        self.access.add(access)
        granted = {"token_type": "Bearer", "expires_in": 86400, "access_token": access, "refresh_token": self.refresh}
        return web.json_response(granted)

    async def _account(self, request: web.Request) -> web.StreamResponse:
        known(request)
        return hal({"id": 28800001, "name": "Пример", "subdomain": "example", "country": "RU"})

    async def _find_contacts(self, request: web.Request) -> web.StreamResponse:
        known(request, "query", "with", *LISTED)
        text = request.query.get("query", "")
        found = [self._shown(one, request) for one in self.contacts.values() if not text or _has(one, text)]
        return hal_list("contacts", page_of(request, found))

    async def _fields(self, request: web.Request) -> web.StreamResponse:
        known(request, "limit", "page")
        fields = ((11, "Телефон", "PHONE"), (12, "Почта", "EMAIL"), *((id_, f"Поле {id_}", None) for id_ in OWN_FIELDS))
        return hal_list("custom_fields", [{"id": id_, "name": name, "code": code} for id_, name, code in fields])

    async def _one_contact(self, request: web.Request) -> web.StreamResponse:
        known(request, "with")
        one = self.contacts.get(int(request.match_info["id"]))
        return hal(self._shown(one, request)) if one is not None else web.Response(status=204)

    async def _make_contacts(self, request: web.Request) -> web.StreamResponse:
        made = []
        for sent in await self._all(request, CONTACT, "name"):
            id_ = self.add_contact(sent["name"], ())
            self.contacts[id_] |= {name: sent[name] for name in sent if name != "request_id"}
            made.append({"id": id_, "request_id": sent.get("request_id", "0")})
        return hal_list("contacts", made)

    async def _change_contact(self, request: web.Request) -> web.StreamResponse:
        sent = checked(await request.json(), CONTACT, users=USERS)
        one = self.contacts.get(int(request.match_info["id"]))
        if one is None:
            raise web.HTTPNotFound
        fields = {_named(old): old for old in one["custom_fields_values"] or ()}
        for new in sent.pop("custom_fields_values", ()):
            fields.pop(_named(new), None)
            if new["values"] is not None:
                fields[_named(new)] = new
        one |= sent
        one["custom_fields_values"] = list(fields.values()) or None
        return hal({"id": one["id"], "updated_at": 1795000000})

    async def _read_notes(self, request: web.Request) -> web.StreamResponse:
        return listed_notes(request, self.notes.get(("contacts", int(request.match_info["id"])), []))

    async def _read_leads_notes(self, request: web.Request) -> web.StreamResponse:
        every = [note for (kind, _), notes in self.notes.items() if kind == "leads" for note in notes]
        return listed_notes(request, every, "filter[entity_id][]")

    async def _make_notes(self, request: web.Request) -> web.StreamResponse:
        contact = int(request.match_info["id"])
        if contact not in self.contacts:
            raise web.HTTPNotFound
        made = []
        for sent in await self._all(request, NOTE, "note_type", "params"):
            one = {"id": self.new_id(), "created_at": 1795000000, "created_by": 0, "entity_id": contact, **sent}
            self.notes.setdefault(("contacts", contact), []).append(one)
            made.append({"id": one["id"], "entity_id": contact, "request_id": "0"})
        return hal_list("notes", made)

    async def _find_leads(self, request: web.Request) -> web.StreamResponse:
        known(request, "with", *LISTED)
        owners = "contacts" in request.query.get("with", "").split(",")
        found = []
        for one in page_of(request, list(self.leads.values())):
            contacts = [{"id": id_, "is_main": False} for id_ in one["others"]]
            inside = {"contacts": [*contacts, {"id": one["contact"], "is_main": True}]} if owners else {}
            shown = {name: one[name] for name in one if name not in {"contact", "others"}}
            found.append(shown | {"_embedded": inside})
        return hal_list("leads", found)

    async def _make_leads(self, request: web.Request) -> web.StreamResponse:
        made = []
        for sent in await self._all(request, LEAD):
            contacts = [one["id"] for one in sent.get("_embedded", {}).get("contacts", ())]
            if not set(contacts) <= set(self.contacts):
                raise Wrong("_embedded", "NotSupportedChoice")
            pipeline = next((one for one in PIPELINES if one[0] == sent.get("pipeline_id", PIPELINES[0][0])), None)
            if pipeline is None or (status := sent.get("status_id", 31)) not in {one[0] for one in pipeline[3]}:
                raise Wrong("status_id", "NotSupportedChoice")
            id_ = self.add_lead(contacts[0], sent.get("name", ""), pipeline[0], status, others=tuple(contacts[1:]))
            self.leads[id_]["responsible_user_id"] = sent.get("responsible_user_id", USERS[0])
            made.append({"id": id_, "request_id": "0"})
        return hal_list("leads", made)

    async def _pipelines(self, request: web.Request) -> web.StreamResponse:
        known(request)
        shown = [
            {
                "id": id_,
                "name": name,
                "is_main": id_ == PIPELINES[0][0],
                "is_archive": archived,
                "_embedded": {
                    "statuses": [
                        {"id": status, "name": title, "sort": sort, "type": int(status == UNSORTED), "pipeline_id": id_}
                        for status, title, sort in statuses
                    ]
                },
            }
            for id_, name, archived, statuses in PIPELINES
        ]
        return hal_list("pipelines", shown)

    async def _file_calls(self, request: web.Request) -> web.StreamResponse:
        filed, errors = [], []
        for sent in await self._all(request, CALL, "direction", "duration", "source", "phone"):
            owner = owner_of(sent["phone"], self.contacts)
            if owner is None:
                errors.append({"title": "Entity not found", "status": 263, "detail": "", "request_id": "0"})
                continue
            self.calls.append((owner, sent))
            kind, entity = place_of(owner, self.leads.values())
            note = note_of(sent, self.new_id(), entity)
            self.notes.setdefault((kind, entity), []).append(note)
            filed.append({"id": note["id"], "entity_id": entity, "entity_type": kind[:-1], "request_id": "0"})
        body = {"_total_items": len(filed), "errors": errors, "_embedded": {"calls": filed}}
        return hal(body, status=self.nobody_status if errors and not filed else 200)

    async def _read_incoming(self, request: web.Request) -> web.StreamResponse:
        return listed_incoming(request, self.incoming)

    async def _make_incoming(self, request: web.Request) -> web.StreamResponse:
        made = []
        for sent in await self._all(request, LEAD_FROM_CALL, "source_uid", "source_name", "created_at", "metadata"):
            if sent.get("pipeline_id") not in {id_ for id_, _, archived, _ in PIPELINES if not archived}:
                raise Wrong("pipeline_id", "NotSupportedChoice")
            if any(one["metadata"]["uniq"] == sent["metadata"]["uniq"] for one in self.incoming):
                raise Wrong("metadata.uniq", "AlreadyExists")
            self.incoming.append({"category": "sip", **sent})
            made.append({"uid": f"{len(self.incoming):032x}", "account_id": 28800001, "request_id": "0"})
        return hal_list("unsorted", made)

    async def _all(self, request: web.Request, form: Form, *needed: str) -> list[dict[str, Any]]:
        """The things in the body, which is a list of them."""
        known(request)
        if request.content_type != "application/json":
            raise Wrong("Content-Type", "NotSupportedChoice")
        sent = await request.json()
        if not isinstance(sent, list) or not sent:
            raise Wrong("body", "NotAList")
        return [checked(one, form, *needed, users=USERS) for one in sent]

    def _shown(self, one: dict[str, Any], request: web.Request) -> dict[str, Any]:
        inside: dict[str, Any] = {"tags": [], "companies": []}
        if "leads" in request.query.get("with", "").split(","):
            his = (lead for lead in self.leads.values() if one["id"] in (lead["contact"], *lead["others"]))
            inside["leads"] = [{"id": lead["id"]} for lead in his]
        return {**one, "_embedded": inside}


def _named(values: dict[str, Any]) -> str:
    return str(values.get("field_code") or values["field_id"])


def _texts(one: dict[str, Any]) -> list[str]:
    fields = one["custom_fields_values"] or ()
    return [one["name"], *(str(value["value"]) for values in fields for value in values["values"])]


def _has(one: dict[str, Any], text: str) -> bool:
    return any(text.lower() in typed.lower() or (text.isdigit() and text in digits(typed)) for typed in _texts(one))
