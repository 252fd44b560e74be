"""What the fake of amoCRM takes in each kind of body; anything else is refused, as its documentation says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Form = Mapping[str, Callable[[Any], bool]]


class Wrong(Exception):
    """One thing in a request that is not as it should be."""

    def __init__(self, path: str, code: str) -> None:
        super().__init__(path)
        self.path = path
        self.code = code


def checked(sent: Any, form: Form, *needed: str, users: Sequence[int]) -> dict[str, Any]:
    """The body, if it has what is needed and nothing that is unknown or of the wrong kind. Raises Wrong."""
    if not isinstance(sent, dict):
        raise Wrong("body", "NotAnObject")
    for name, value in sent.items():
        if name not in form:
            raise Wrong(name, "ExtraField")
        if not form[name](value):
            raise Wrong(name, "InvalidType")
        if name in {"responsible_user_id", "created_by"} and value not in {0, *users}:
            raise Wrong(name, "NotSupportedChoice")
    for name in needed:
        if name not in sent:
            raise Wrong(name, "FieldMissing")
    return dict(sent)


def text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def either(value: Any) -> bool:
    return text(value) or whole(value)


def typed_fields(value: Any) -> bool:
    """`custom_fields_values` as it is sent: each field by code or id, its values a list, or null to empty it."""
    return isinstance(value, list) and all(
        isinstance(field, dict)
        and set(field) in ({"field_code", "values"}, {"field_id", "values"})
        and (field["values"] is None or _values(field["values"]))
        for field in value
    )


def _values(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and "value" in one and set(one) <= {"value", "enum_code"} for one in value
    )


def _shaped(form: Form, *needed: str) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and all(name in form and form[name](inner) for name, inner in value.items())
            and all(name in value for name in needed)
        )

    return fits


CONTACT: Form = {
    "name": text,
    "responsible_user_id": whole,
    "created_by": whole,
    "custom_fields_values": typed_fields,
    "request_id": text,
}
_CALL_NOTE: Form = {
    "uniq": text,
    "duration": whole,
    "source": text,
    "link": text,
    "phone": text,
    "call_result": text,
    "call_status": lambda value: value in range(1, 9),
    "call_responsible": either,
}
_OF_COMMON, _OF_CALL = _shaped({"text": text}, "text"), _shaped(_CALL_NOTE, "uniq", "duration", "source", "phone")
NOTE: Form = {
    "note_type": lambda value: value in {"common", "call_in", "call_out"},
    "params": lambda value: _OF_COMMON(value) or _OF_CALL(value),
    "created_by": whole,
    "request_id": text,
}
CALL: Form = {
    "direction": lambda value: value in {"inbound", "outbound"},
    "uniq": text,
    "duration": whole,
    "source": text,
    "link": text,
    "phone": text,
    "call_result": text,
    "call_status": lambda value: value in range(1, 9),
    "call_responsible": either,
    "responsible_user_id": whole,
    "created_by": whole,
    "created_at": whole,
    "request_id": text,
}
LEAD: Form = {
    "name": text,
    "pipeline_id": whole,
    "status_id": whole,
    "responsible_user_id": whole,
    "request_id": text,
    "_embedded": _shaped(
        {"contacts": lambda value: isinstance(value, list) and all(set(one) == {"id"} for one in value)}, "contacts"
    ),
}
_METADATA: Form = {
    "from": text,
    "phone": text,
    "called_at": whole,
    "duration": whole,
    "link": text,
    "service_code": text,
    "uniq": text,
    "is_call_event_needed": lambda value: isinstance(value, bool),
    "call_responsible": either,
}
_NEW_CONTACT = _shaped({"name": text, "custom_fields_values": typed_fields}, "name")
LEAD_FROM_CALL: Form = {
    "source_uid": text,
    "source_name": text,
    "pipeline_id": whole,
    "created_at": whole,
    "metadata": _shaped(_METADATA, "from", "phone", "called_at", "duration", "service_code", "uniq"),
    "_embedded": _shaped(
        {"contacts": lambda value: isinstance(value, list) and all(_NEW_CONTACT(one) for one in value)}
    ),
}
