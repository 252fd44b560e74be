"""What people do by hand in Tryton: take in customers, move deals along, look what hangs at a party.

A line of its own, past the bridge's adapter, so that one can judge the other.
"""

import base64
import gzip
import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

_GZIP = b"\x1f\x8b"
_LIMIT_S = 30.0


class OfficeError(RuntimeError):
    """Tryton did not do it; the text says what."""


class _LoggedOut(OfficeError):
    """Tryton has forgotten the login, as it does after some minutes without a call."""


class Office:
    """Somebody who works in Tryton; logs in at the first call."""

    def __init__(self, url: str, database: str, user: str, password: str, *, new_urls: bool) -> None:
        end = "rpc/" if new_urls else ""
        self._server, self._database = f"{url}/{end}", f"{url}/{database}/{end}"
        self._user, self._password = user, password
        self._numbers = itertools.count(1)
        self._authorization = ""
        self._context: dict[str, Any] = {}

    def is_there(self) -> bool:
        """Whether the server answers."""
        try:
            return bool(self._post(self._server, "common.server.version", []))
        except (OSError, OfficeError):
            return False

    def call(self, model: str, method: str, *params: Any) -> Any:
        """Call a method of a model. Raises OfficeError."""
        try:
            return self._called(model, method, params)
        except _LoggedOut:
            self._authorization = ""
            return self._called(model, method, params)

    def _called(self, model: str, method: str, params: tuple[Any, ...]) -> Any:
        if not self._authorization:
            number, token, *_ = self._post(
                self._database, "common.db.login", [self._user, {"password": self._password}, "en"]
            )
            pair = base64.b64encode(f"{self._user}:{number}:{token}".encode()).decode()
            self._authorization = f"Session {pair}"
            self.remember_who_i_am()
        return self._post(self._database, f"model.{model}.{method}", [*params, self._context])

    def create(self, model: str, **values: Any) -> int:
        """A new record's id."""
        made: list[int] = self.call(model, "create", [values])
        return made[0]

    def rows(self, model: str, domain: Sequence[Any], fields: Sequence[str]) -> list[dict[str, Any]]:
        """The records that fit, the oldest first."""
        rows: list[dict[str, Any]] = self.call(
            model, "search_read", list(domain), 0, None, [["id", "ASC"]], list(fields)
        )
        return rows

    def one(self, model: str, **values: Any) -> int:
        """The id of the only record with these values. Raises OfficeError when there is none."""
        found = self.rows(model, [[name, "=", value] for name, value in values.items()], ["id"])
        if not found:
            raise OfficeError(f"no {model} with {values}")
        return int(found[0]["id"])

    def has(self, model: str, field: str) -> bool:
        """Whether a model has a field in this series."""
        return field in self.call(model, "fields_get", [])

    def remember_who_i_am(self) -> None:
        """Work for the company, and in the language, that Tryton knows of this user by now."""
        self._context = {}
        known = self._post(self._database, "model.res.user.get_preferences", [True, {}])
        self._context = {name: known[name] for name in ("company", "employee", "language") if known.get(name)}

    def _post(self, url: str, method: str, params: list[Any]) -> Any:
        body = json.dumps({"id": next(self._numbers), "method": method, "params": params}).encode()
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        asked = urllib.request.Request(url, data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(asked, timeout=_LIMIT_S) as answer:
                said = answer.read()
        except urllib.error.HTTPError as error:
            kind = _LoggedOut if error.code == HTTPStatus.UNAUTHORIZED else OfficeError
            raise kind(f"{method}: HTTP {error.code}") from error
        read = json.loads(gzip.decompress(said) if said.startswith(_GZIP) else said)
        if "error" in read:
            raise OfficeError(f"{method}: {read['error']}")
        return read["result"]


def employee_of(office: Office, login: str) -> int:
    """The employee who logs in with this name."""
    (user,) = office.rows("res.user", [["login", "=", login]], ["employee"])
    return int(user["employee"])


def take_in(
    office: Office,
    name: str,
    numbers: Sequence[str],
    *,
    email: str = "",
    city: str = "",
    segment: str = "",
    archived: bool = False,
) -> int:
    """A new party with an address in Russia, which comes before the numbers: they are read by it."""
    address: dict[str, Any] = {"country": office.one("country.country", code="RU")}
    address |= {"city": city} if city else {}
    mechanisms = [{"type": "phone", "value": number} for number in numbers]
    mechanisms += [{"type": "email", "value": email}] if email else []
    values: dict[str, Any] = {"name": name, "addresses": [["create", [address]]]}
    values["contact_mechanisms"] = [["create", mechanisms]]
    if segment:
        values["categories"] = [["add", [_category(office, segment)]]]
    party = office.create("party.party", **values)
    if archived:
        office.call("party.party", "write", [party], {"active": False})
    return party


def _category(office: Office, name: str) -> int:
    found = office.rows("party.category", [["name", "=", name]], ["id"])
    return int(found[0]["id"]) if found else office.create("party.category", name=name)


def deal(office: Office, party: int, title: str, state: str, *, employee: int, amount: str = "") -> int:
    """An opportunity that has come as far as `state`, by the buttons that people press; its id.

    `state` is one of an opportunity, or `sale.` and one of a sale.
    """
    values: dict[str, Any] = {"party": party, "description": title, "employee": employee}
    addresses = office.rows("party.address", [["party", "=", party]], ["id"])
    values |= {"address": addresses[0]["id"]} if addresses else {}
    if amount:
        values["amount"] = {"__class__": "Decimal", "decimal": amount}
    opportunity = office.create("sale.opportunity", **values)
    for button in _BUTTONS[state]:
        office.call("sale.opportunity", button, [opportunity])
    if state in _SALE_BUTTONS:
        sold(office, [f"sale.opportunity,{opportunity}"], state)
    return opportunity


def sold(office: Office, origins: Sequence[str], state: str) -> None:
    """Bring the sales of these origins as far as `state`."""
    sales = [int(row["id"]) for row in office.rows("sale.sale", [["origin", "in", list(origins)]], ["id"])]
    if _SALE_BUTTONS[state]:  # nothing empty is offered to anybody; a comment is made and billed by nobody
        comment = {"type": "comment", "description": state}
        office.call("sale.sale", "write", sales, {"lines": [["create", [comment]]]})
    for button in _SALE_BUTTONS[state]:
        office.call("sale.sale", button, sales)


_SALE_BUTTONS: Mapping[str, Sequence[str]] = {
    "converted": (),
    "sale.quotation": ("quote",),
    "sale.confirmed": ("quote", "confirm"),
    "sale.done": ("quote", "confirm", "process"),
}
_BUTTONS: Mapping[str, Sequence[str]] = {
    "lead": (),
    "opportunity": ("opportunity",),
    "lost": ("opportunity", "lost"),
    "cancelled": ("cancel",),
    **dict.fromkeys(_SALE_BUTTONS, ("opportunity", "convert")),
}
