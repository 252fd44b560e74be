"""Every frame that a bridge sends in these tests has the form that its schema says, and no field that is not there."""

from collections.abc import Iterator
from contextlib import contextmanager

from jsonschema_rs import Draft202012Validator

from cti_bridge.operators.frame_schema import closed, frame_schema
from cti_bridge.operators.protocol import Json
from demo.desks import Desk

MOST_TOLD = 5


@contextmanager
def checked() -> Iterator[None]:
    """Check what all desks get meanwhile. Raises AssertionError at the end, for the first few that do not fit."""
    schema = closed(frame_schema())
    validator = Draft202012Validator({**schema, "anyOf": [{"$ref": "#/$defs/ServerFrame"}]})
    unfit: list[str] = []

    def check(frame: Json) -> None:
        if len(unfit) < MOST_TOLD and not validator.is_valid(frame):
            unfit.append(f"{frame.get('op')} {frame.get('type', '')}: {_why(frame, schema)}")

    Desk.checks.append(check)
    try:
        yield
    finally:
        Desk.checks.remove(check)
    assert not unfit, "\n".join(unfit)


def _why(frame: Json, schema: Json) -> str:
    """What is wrong with it, by the form that its `op` names."""
    form = {"welcome": "WelcomeFrame", "event": "EventFrame"}.get(str(frame.get("op")), "ServerFrame")
    validator = Draft202012Validator({"$ref": f"#/$defs/{form}", "$defs": schema["$defs"]})
    return "; ".join(
        f"{'.'.join(str(part) for part in error.instance_path)}: {error.message[-300:]}"
        for error in validator.iter_errors(frame)
    )[:1000]
