"""The calls in the fake portal of Bitrix24: registered, finished, with a recording. A fake, as the portal around it."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fakes.bitrix_params import Wrong
from fakes.bitrix_portal import NAMES, Portal, compared

_SAME_CALL_S = 1_800.0
_STATUSES = {"200", "304", "603", "603-S", "403", "404", "486", "484", "503", "480", "402", "423", "OTHER"}


def _core(description: str) -> Wrong:
    return Wrong(400, "ERROR_CORE", description)


class Calls:
    """`registered` are going on, `statistics` are finished; both by the id that a call has there."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._registered = 0
        self.disk_is_full = False
        self.registered: dict[str, dict[str, Any]] = {}
        self.statistics: dict[str, dict[str, Any]] = {}
        self.shown: list[str] = []
        """Calls whose card was shown to a user."""
        self.fetches: Callable[[str], int] = lambda url: 200
        """The HTTP status with which a recording can be fetched from an address, 0 when nobody is there."""

    def register(self, params: Mapping[str, Any]) -> Any:
        """A new call; the same one that is going on and began within 30 minutes is the old one."""
        user = self._user(params)
        if params["TYPE"] not in {1, 2, 3, 4, 5}:
            raise _core("Unknown TYPE")
        started = params.get("CALL_START_DATE")
        if started is not None:
            self._check_time(started)
        number = params["PHONE_NUMBER"]
        if not re.fullmatch(r"\+?\d{3,20}", number):
            raise _core("Unsupported phone number format")
        for name in ("SHOW", "ADD_TO_CHAT", "CRM_CREATE"):
            if params.get(name, 0) not in {0, 1}:
                raise _core(name)
        now = self._portal.now()
        began = datetime.fromisoformat(started).timestamp() if started is not None else now
        call_id = self._same({**params, "USER_ID": user}, now)
        if not call_id:
            self._registered += 1
            call_id = f"externalCall.{self._registered:032x}.{int(now)}"
            self.registered[call_id] = {**params, "USER_ID": user, "BEGAN": began, **self._whose(params)}
            if params.get("SHOW", 1):
                self.shown.append(call_id)
        whose = self.registered[call_id]
        return {
            "CALL_ID": call_id,
            "CRM_CREATED_LEAD": whose.get("CREATED"),
            "CRM_CREATED_ENTITIES": [],
            "CRM_ENTITY_TYPE": whose["CRM_ENTITY_TYPE"],
            "CRM_ENTITY_ID": whose["CRM_ENTITY_ID"],
        }

    def finish(self, params: Mapping[str, Any]) -> Any:
        """A call is over and becomes one of the statistics; then it can be finished no more (stricter: left open)."""
        call_id, user = params["CALL_ID"], self._user(params)
        call = self.registered.get(call_id)
        if call is None:
            raise Wrong(400, "", "Call is not found (call should be registered prior to finishing")
        duration = params.get("DURATION", 0)
        status = params.get("STATUS_CODE", "200" if duration > 0 else "304")
        if status not in _STATUSES:
            raise _core("STATUS_CODE")
        if self.disk_is_full:
            raise _core("Unexpected database error")
        del self.registered[call_id]
        self.statistics[call_id] = {
            "ID": len(self.statistics) + 1,
            "CALL_ID": call_id,
            "EXTERNAL_CALL_ID": call.get("EXTERNAL_CALL_ID"),
            "PORTAL_USER_ID": user,
            "PHONE_NUMBER": call["PHONE_NUMBER"],
            "PORTAL_NUMBER": call.get("LINE_NUMBER", ""),
            "INCOMING": str(call["TYPE"]),
            "CALL_DURATION": duration,
            "CALL_START_DATE": {},
            "CALL_STATUS": int(duration > 0),
            "CALL_FAILED_CODE": status,
            "CALL_FAILED_REASON": params.get("FAILED_REASON", ""),
            "CRM_ENTITY_TYPE": call["CRM_ENTITY_TYPE"],
            "CRM_ENTITY_ID": call["CRM_ENTITY_ID"],
            "RECORD": None,
        }
        return {name: value for name, value in self.statistics[call_id].items() if name != "RECORD"}

    def attach(self, params: Mapping[str, Any]) -> Any:
        """A recording is fetched and put to a finished call, in the place of the one before."""
        if not params.get("RECORD_URL") and not params.get("FILENAME"):
            raise _core("Required parameters are not set. Request should contain or URL or FILENAME parameter")
        call = self.statistics.get(params["CALL_ID"])
        if call is None:
            raise _core("Call is not found in the statistic table. Looks like it is not finished yet.")
        name = params.get("FILENAME") or params["RECORD_URL"].rpartition("/")[2]
        if name.rpartition(".")[2] not in {"wav", "mp3"}:
            raise _core("Wrong file extension. Only wav and mp3 are allowed")
        status = self.fetches(params["RECORD_URL"])
        if not status:
            raise Wrong(400, "", "NETWORK: Connection refused")
        if status != 200:
            raise _core(f"Server returns HTTP error code {status}")
        call["RECORD"] = params["RECORD_URL"]
        return {"FILE_ID": 9_000 + call["ID"]}

    def of(self, entity: str, id_: int) -> list[dict[str, Any]]:
        """The calls of somebody that are shown: those that are finished."""
        return [
            call
            for call in self.statistics.values()
            if (call["CRM_ENTITY_TYPE"], call["CRM_ENTITY_ID"]) == (entity, id_)
        ]

    def _same(self, params: Mapping[str, Any], now: float) -> str:
        """The call that is this one already: what is left out does not tell calls apart."""
        names = ["USER_ID", "PHONE_NUMBER", "TYPE"]
        names += [name for name in ("LINE_NUMBER", "EXTERNAL_CALL_ID") if params.get(name)]
        return next(
            (
                call_id
                for call_id, call in self.registered.items()
                if now - call["BEGAN"] < _SAME_CALL_S and all(call.get(name) == params[name] for name in names)
            ),
            "",
        )

    def _user(self, params: Mapping[str, Any]) -> int:
        if "USER_ID" not in params and "USER_PHONE_INNER" not in params:
            raise _core("USER_ID or USER_PHONE_INNER should be set")
        user = params.get("USER_ID", 0)
        if user not in self._portal.users:
            raise _core("User is not found or is not active")
        return int(user)

    @staticmethod
    def _check_time(started: str) -> None:
        try:
            has_offset = datetime.fromisoformat(started).tzinfo is not None
        except ValueError:
            has_offset = False
        if not has_offset:
            raise _core("CALL_START_DATE should be in the ISO-8601 format")

    def _whose(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Whose call it is: whose it is said to be, else whoever has the number, else a new lead if one is wanted."""
        entity, id_ = params.get("CRM_ENTITY_TYPE"), params.get("CRM_ENTITY_ID")
        if entity is not None and entity not in NAMES:
            raise _core("CRM_ENTITY_TYPE")
        if entity is not None and id_ in self._portal.items[NAMES[entity]]:
            return {"CRM_ENTITY_TYPE": entity, "CRM_ENTITY_ID": id_}
        number = compared(params["PHONE_NUMBER"])
        for name in ("CONTACT", "COMPANY", "LEAD"):
            for other, item in self._portal.items[NAMES[name]].items():
                if number in {compared(one["value"]) for one in item["fm"]}:
                    return {"CRM_ENTITY_TYPE": name, "CRM_ENTITY_ID": other}
        if not params.get("CRM_CREATE"):
            return {"CRM_ENTITY_TYPE": None, "CRM_ENTITY_ID": None}
        lead = self._portal.put(NAMES["LEAD"], title="Входящий звонок", phones=[params["PHONE_NUMBER"]])
        return {"CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": lead, "CREATED": lead}
