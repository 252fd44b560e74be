"""What is in the fake portal of Bitrix24, and its CRM methods with their quirks. A fake: nothing is Bitrix24's own.

Written from the vendor's public description of its interface. Where that leaves something open, the fake takes the
stricter way; each such place says so.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from fakes.bitrix_params import Wrong

LEAD, DEAL, CONTACT, COMPANY = 1, 2, 3, 4
NAMES = {"LEAD": LEAD, "CONTACT": CONTACT, "COMPANY": COMPANY}
PAGE = 50
_FILTER = re.compile(r"(@|>=|>|=|)(\w+)")
_HIDING = 20
_ZONE = timezone(timedelta(hours=3))
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "": operator.eq,
}
_FIELDS: Mapping[int, frozenset[str]] = {
    CONTACT: frozenset({"name", "secondName", "lastName", "typeId"}),
    COMPANY: frozenset({"title", "typeId"}),
    LEAD: frozenset({"title", "name", "secondName", "lastName", "stageId", "stageSemanticId"}),
    DEAL: frozenset(
        {
            "title",
            "categoryId",
            "stageId",
            "stageSemanticId",
            "opportunity",
            "closed",
            "contactId",
            "contactIds",
            "companyId",
        }
    ),
}
_COMMON = frozenset({"id", "assignedById", "updatedTime", "lastCommunicationCallTime", "originatorId", "originId"})
_READ_ONLY = frozenset({"id", "updatedTime", "lastCommunicationCallTime", "stageSemanticId", "closed"})
_STAGES = [("NEW", "Новая", 10), ("PREPARATION", "Подготовка документов", 20), ("EXECUTING", "В работе", 40)]
_ENDS = [("WON", "Сделка успешна", 60, "S"), ("LOSE", "Сделка провалена", 70, "F")]


class Portal:
    """People, deals, stages and comments; `now` gives seconds since 1970."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.items: dict[int, dict[int, dict[str, Any]]] = {LEAD: {}, DEAL: {}, CONTACT: {}, COMPANY: {}}
        self.comments: list[dict[str, Any]] = []
        self.users = {1, 7, 9}
        """Users who are active."""
        self.funnels: list[dict[str, Any]] = [
            {"id": 0, "name": "Общая", "sort": 300, "entityTypeId": DEAL, "isDefault": "Y"}
        ]
        self.statuses: list[dict[str, Any]] = []
        self.add_stages("DEAL_STAGE", "")
        self.loose = False
        """Whether it finds whoever has the same last seven digits; it is not described what it makes of a number."""
        self._last = 270

    def add_stages(self, entity: str, prefix: str) -> None:
        """Give a funnel its stages; all that is told of them is text."""
        for place, (id_, name, sort, semantics) in enumerate([*((*one, None) for one in _STAGES), *_ENDS], start=101):
            self.statuses.append(
                {
                    "ID": str(place + 100 * len(self.statuses)),
                    "ENTITY_ID": entity,
                    "STATUS_ID": prefix + id_,
                    "NAME": name,
                    "SORT": str(sort),
                    "SEMANTICS": semantics,
                }
            )

    def put(self, entity: int, **fields: Any) -> int:
        """Somebody or something is put in by hand; `phones` are numbers as they were typed."""
        self._last += 1
        phones = fields.pop("phones", ())
        if entity == DEAL and fields.get("contactId") and not fields.get("contactIds"):
            fields["contactIds"] = [fields["contactId"]]
        item = {"assignedById": 1, "originatorId": None, "originId": None, "fm": [], **fields, "id": self._last}
        item["updatedTime"] = self.time()
        item["fm"] += [_multi(self._last * 10 + place, "PHONE", phone) for place, phone in enumerate(phones)]
        self.items[entity][self._last] = item
        return self._last

    def time(self) -> str:
        """Now, in the portal's own zone, as it writes times."""
        return datetime.fromtimestamp(self.now(), _ZONE).isoformat(timespec="seconds")

    def find(self, params: Mapping[str, Any]) -> Any:
        """crm.duplicate.findbycomm."""
        if params["type"] not in {"PHONE", "EMAIL"}:
            raise Wrong(400, f"Communication type '{params['type']}' is not supported in current context")
        values, wanted = params["values"], params.get("entity_type")
        if len(values) > 20 or not all(isinstance(value, str) for value in values):
            raise Wrong(400, "FAKE_TOO_MANY_VALUES", "20 texts at most")
        if wanted is not None and wanted not in NAMES:
            raise Wrong(400, "FAKE_ENTITY_TYPE")
        asked = {compared(value) for value in values}
        found: dict[str, list[int]] = {}
        for name, entity in NAMES.items():
            if wanted in {None, name}:
                hits = [id_ for id_, item in self.items[entity].items() if self._alike(asked, _numbers(item))]
                if hits:
                    found[name] = hits
                if len(hits) >= _HIDING:
                    break  # the kinds behind it are silently missing
        return found or []

    def _alike(self, asked: set[str], numbers: set[str]) -> bool:
        return bool(asked & numbers) or (
            self.loose and bool({one[-7:] for one in asked} & {one[-7:] for one in numbers})
        )

    def listed(self, params: Mapping[str, Any]) -> tuple[Any, int, int | None]:
        """crm.item.list: the page, how many there are, and where the next page begins; beginning at -1 neither."""
        entity = self._entity(params)
        select, order = params.get("select", ["*"]), params.get("order", {})
        known = _FIELDS[entity] | _COMMON
        for name in (*(one for one in select if one != "*"), *order):
            if name not in known and not name.startswith("ufCrm"):
                raise Wrong(400, "100", f"no field {name}")  # stricter: it leaves them out
        conditions = [_condition(key, value, known) for key, value in params.get("filter", {}).items()]
        items = [one for one in self.items[entity].values() if all(holds(one) for holds in conditions)]
        for name, direction in reversed(order.items()):
            if direction not in {"ASC", "DESC"}:
                raise Wrong(400, "100", "order")
            items.sort(key=lambda one: one.get(name) or 0, reverse=direction == "DESC")
        counts, start = params.get("start", 0) >= 0, max(0, params.get("start", 0))
        page = items[start : start + PAGE]
        shown = [one if "*" in select else {name: one.get(name) for name in select} for one in page]
        if not counts:
            return {"items": shown}, 0, None
        return {"items": shown}, len(items), start + PAGE if start + PAGE < len(items) else None

    def get(self, params: Mapping[str, Any]) -> Any:
        """crm.item.get."""
        return {"item": self._item(params)}

    def add(self, params: Mapping[str, Any]) -> Any:
        """crm.item.add."""
        entity = self._entity(params)
        fields = self._writable(entity, params["fields"])
        multi = fields.pop("fm", [])
        if entity == DEAL:
            fields = self._begun(fields)
        id_ = self.put(entity, **fields)
        self._add_multi(self.items[entity][id_], multi)
        return {"item": self.items[entity][id_]}

    def _begun(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A new deal: in the first stage of its funnel where none is named, and of somebody who is there."""
        funnel = fields.get("categoryId", 0)
        stages = f"DEAL_STAGE_{funnel}" if funnel else "DEAL_STAGE"
        known = [one["STATUS_ID"] for one in self.statuses if one["ENTITY_ID"] == stages]
        stage = fields.get("stageId", known[0] if known else "")
        if stage not in known or not set(fields.get("contactIds", ())) <= set(self.items[CONTACT]):
            raise Wrong(400, "100", "stageId or contactIds")  # stricter: it is not described what becomes of them
        return {"categoryId": funnel, "stageId": stage, "stageSemanticId": "P", "closed": "N", **fields}

    def update(self, params: Mapping[str, Any]) -> Any:
        """crm.item.update: `fm` is added to what there is."""
        item = self._item(params)
        fields = self._writable(self._entity(params), params["fields"])
        self._add_multi(item, fields.pop("fm", []))
        item.update(fields)
        item["updatedTime"] = self.time()
        return {"item": item}

    def comment(self, params: Mapping[str, Any], user: int) -> int:
        """crm.timeline.comment.add."""
        fields = params["fields"]
        if set(fields) - {"FILES"} != {"ENTITY_ID", "ENTITY_TYPE", "COMMENT"}:
            raise Wrong(400, "100", "fields")
        if not fields["COMMENT"].strip():
            raise Wrong(400, "INVALID_ARG_VALUE", "Empty comment")
        self._owner(fields, "OWNER_NOT_FOUND")
        self._last += 1
        self.comments.append({**fields, "ID": str(self._last), "CREATED": self.time(), "AUTHOR_ID": str(user)})
        return self._last

    def comments_on(self, params: Mapping[str, Any]) -> Any:
        """crm.timeline.comment.list: all ids are text."""
        wanted = params["filter"]
        if set(wanted) != {"ENTITY_ID", "ENTITY_TYPE"}:
            raise Wrong(400, "100", "filter")
        if not set(params.get("order", {})) <= {"ID", "CREATED", "AUTHOR_ID"}:
            raise Wrong(400, "100", "order")
        self._owner(wanted, "NOT_FOUND")
        key = (str(wanted["ENTITY_ID"]), wanted["ENTITY_TYPE"])
        found = [one for one in self.comments if (str(one["ENTITY_ID"]), one["ENTITY_TYPE"]) == key]
        found.sort(key=lambda one: int(one["ID"]), reverse=params.get("order", {}).get("ID") == "DESC")
        return [{**one, "ENTITY_ID": str(one["ENTITY_ID"])} for one in found[:PAGE]]

    def statuses_of(self, params: Mapping[str, Any]) -> Any:
        """crm.status.list."""
        wanted = params.get("filter", {})
        if not set(wanted) <= {"ENTITY_ID"} or not isinstance(wanted.get("ENTITY_ID", ""), str):
            raise Wrong(400, "Invalid parameters.")
        return [one for one in self.statuses if one["ENTITY_ID"] == wanted.get("ENTITY_ID", one["ENTITY_ID"])]

    def _entity(self, params: Mapping[str, Any]) -> int:
        entity = params["entityTypeId"]
        if entity not in self.items:
            raise Wrong(400, "NOT_FOUND", "Смарт-процесс не найден")
        return int(entity)

    def _item(self, params: Mapping[str, Any]) -> dict[str, Any]:
        item = self.items[self._entity(params)].get(params["id"])
        if item is None:
            raise Wrong(400, "", "Not found")  # an empty code, as it is documented
        return item

    def _owner(self, fields: Mapping[str, Any], code: str) -> None:
        entity = NAMES.get(str(fields["ENTITY_TYPE"]).upper())
        if fields["ENTITY_TYPE"] != str(fields["ENTITY_TYPE"]).lower() or entity is None:
            raise Wrong(400, "100", "ENTITY_TYPE")
        if int(fields["ENTITY_ID"]) not in self.items[entity]:
            raise Wrong(400, code, "Not found.")

    def _writable(self, entity: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        known = (_FIELDS[entity] | _COMMON | {"fm"}) - _READ_ONLY
        for name in fields:
            if name not in known and not name.startswith("ufCrm"):
                raise Wrong(400, "100", f"no field {name} to write")  # stricter: it leaves them out
        if "assignedById" in fields and fields["assignedById"] not in self.users:
            raise Wrong(400, "100", "assignedById")
        return dict(fields)

    def _add_multi(self, item: dict[str, Any], multi: list[dict[str, Any]]) -> None:
        for one in multi:
            if set(one) != {"typeId", "valueType", "value"}:
                raise Wrong(400, "100", "fm")
            self._last += 1
            item["fm"].append({**one, "id": self._last})


def _condition(key: str, value: Any, known: frozenset[str]) -> Callable[[Mapping[str, Any]], bool]:
    """What one part of a filter asks of an entry."""
    match = _FILTER.fullmatch(key)
    if match is None or match[2] not in known:
        raise Wrong(400, "100", f"nothing to filter by: {key}")
    sign, name = match.groups()
    if sign == "@":
        if not isinstance(value, list) or not value or not all(isinstance(one, str | int) for one in value):
            raise Wrong(400, "100", f"{key} wants a list")  # stricter: what an empty one finds is left open
        wanted = {str(one) for one in value}
        return lambda item: bool(wanted & {str(one) for one in _several(item.get(name))})
    if name in {"id", "updatedTime"}:
        compare, right = _SIGNS[sign], _measured(name, value)
        return lambda item: compare(_measured(name, item.get(name)), right)
    if sign in {">", ">="}:
        raise Wrong(400, "100", f"{name} is not compared here")
    return lambda item: str(item.get(name)) == str(value)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _measured(name: str, value: Any) -> float:
    """An id as a number; a moment by its own offset, whichever that is."""
    return float(value or 0) if name == "id" else datetime.fromisoformat(str(value)).timestamp()


def compared(number: str) -> str:
    """A number as it is compared: whole, so that +7… and 8… differ, without what stands between and behind it."""
    bare = re.split(r"доб|ext|[;,#]", number, maxsplit=1)[0]
    return ("+" if bare.strip().startswith("+") else "") + re.sub(r"\D", "", bare)


def _numbers(item: Mapping[str, Any]) -> set[str]:
    return {compared(one["value"]) for one in item["fm"] if one["typeId"] == "PHONE"}


def _multi(id_: int, kind: str, value: str) -> dict[str, Any]:
    return {"id": id_, "typeId": kind, "valueType": "WORK", "value": value}
