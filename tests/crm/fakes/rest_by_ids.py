"""A fake of another small CRM with a REST interface, as different from the first (`fakes.rest`) as they come in life.

It answers 200 to everything, also that it failed; compares numbers as they were typed; has people inside of other
things, deals by their ids and page by page, times and sums as people write them, and takes forms. Strict: unknown
parameters and fields are a failure, and so is an id that it does not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "geheim"
OPEN = frozenset({"WORK", "PAID"})


class Failed(Exception):
    """It failed, and says so with status 200."""


@dataclass
class FakeRestByIds:
    """`start()` it, look at `events` and `failures`."""

    port: int = 0
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    deals: dict[int, dict[str, Any]] = field(default_factory=dict)
    of_contact: dict[str, list[int]] = field(default_factory=dict)
    events: dict[str, dict[str, str]] = field(default_factory=dict)
    """What it was told, by key."""
    failures: list[str] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, uid: str, last: str, first: str, phones: tuple[str, ...], stages: Mapping[int, str]) -> None:
        """A contact with deals: their numbers and stages."""
        comm = [{"type": "email", "val": "vera@example.com"}, *({"type": "phone", "val": phone} for phone in phones)]
        self.contacts[uid] = {
            "uid": uid,
            "fio": {"last": last, "first": first},
            "comm": comm,
            "owner": {"code": "olga"},
        }
        self.of_contact[uid] = list(stages)
        for number, stage in stages.items():
            upd, total = f"20.11.2026 14:{number:02}", "1 250 000,50 ₽"
            self.deals[number] = {"n": number, "title": "Кухня", "step": {"code": stage}, "sum": total, "upd": upd}

    async def start(self) -> None:
        """Listen on loopback."""
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be gone."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            if request.headers.get("X-Token") != TOKEN:
                raise Failed("who are you")
            match request.method, request.path:
                case "GET", "/api/search":
                    said = self._search(**request.query)
                case "GET", "/api/deals":
                    said = self._deals(**request.query)
                case "POST", "/api/event":
                    said = self._event({name: str(text) for name, text in (await request.post()).items()})
                case _:
                    raise Failed(request.path)
        except (Failed, TypeError, KeyError, ValueError) as failed:
            self.failures.append(f"{request.path}: {failed}")
            return web.json_response({"response": {"ok": False, "why": str(failed)}})
        return web.json_response({"response": {"ok": True, **said}})

    def _search(self, *, entity: str, phone: str) -> dict[str, Any]:
        if entity != "contact":
            raise Failed("entity")
        found = [
            {"contact": contact, "deal_refs": self.of_contact[uid]}
            for uid, contact in self.contacts.items()
            if any(each == {"type": "phone", "val": phone} for each in contact["comm"])
        ]
        return {"page": 1, "pages": 1, "list": found}

    def _deals(self, *, ids: str, only: str, per_page: str) -> dict[str, Any]:
        if only != "open" or not 1 <= int(per_page) <= 100:
            raise Failed("only, per_page")
        asked = [self.deals[int(one)] for one in ids.split(",")]
        open_ones = [deal for deal in asked if deal["step"]["code"] in OPEN]
        return {"page": 1, "list": [{"deal": deal} for deal in open_ones[: int(per_page)]]}

    def _event(self, form: dict[str, str]) -> dict[str, Any]:
        if not {"key", "contact", "ok"} <= set(form) <= {"key", "contact", "ok", "talked", "user"}:
            raise Failed(f"fields {sorted(form)}")
        if form["contact"] not in self.contacts or form["ok"] not in {"0", "1"}:
            raise Failed("contact, ok")
        self.events.setdefault(form["key"], form)
        return {}
