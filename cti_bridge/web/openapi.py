"""The description of `/api/v1` in OpenAPI 3.1, made from the models that read requests and of what answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.json_schema import models_json_schema

from cti_bridge import __version__
from cti_bridge.operators.command_list import REFUSALS, Command
from cti_bridge.operators.protocol import Json
from cti_bridge.web.commands import CommandBody
from cti_bridge.web.missed_answer import MissedAnswer
from cti_bridge.web.session import COOKIE, SignInBody, TicketBody

PATH = "/api/v1/openapi.json"
FRAMES = "/api/v1/websocket.json"
COMMANDS = "/api/v1/commands"
_REF = "#/components/schemas/{model}"
_REASONS = {
    400: "The body, or a field of it, is wrong.",
    401: "Nobody is signed in, or the key is wrong.",
    403: "Not for this role, key or page.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "Not possible as things are; the message says why.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    421: "Not one of the names of this host.",
    429: "Too many; come back after `retry_after_s` where it is given.",
    502: "Asterisk or the CRM refused, or the bridge could not do it; its log says why.",
    503: "Asterisk, CRM, journal or accounts cannot be reached.",
    504: "No answer in time; look whether it was done.",
}
_ALWAYS = (421,)
_WITH_BODY = (400, 403, 408, 413, 415)


class Part(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


class OperatorView(Part):
    """An operator as pages see him."""

    id: str
    name: str
    role: Literal["operator", "supervisor", "admin"]
    phones: list[str]
    language: str


class OperatorAnswer(Part):
    """Who is signed in."""

    operator: OperatorView


class TicketAnswer(Part):
    """Good for one `hello` within 60 seconds."""

    ticket: str


class ErrorPart(Part):
    """`code` is for programs, `message` for people."""

    code: str
    message: str


class ErrorAnswer(Part):
    """Every refusal has this form."""

    error: ErrorPart
    retry_after_s: int | None = None


class Done(Part):
    """It was done; there is nothing more to say."""

    value: None


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for: how it is reached, what it takes, what it answers."""

    method: str
    path: str
    id: str
    says: str
    status: int = 200
    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    errors: tuple[int, ...] = ()
    security: str = "session"
    query: Mapping[str, str] | None = None


OPERATIONS = (
    Operation(
        "post", "/api/v1/session", "sign_in", "Sign in; sets the cookie.",
        answer=OperatorAnswer, body=SignInBody, errors=(401, 429, 503), security="",
    ),
    Operation("get", "/api/v1/session", "who_am_i", "Who is signed in.", answer=OperatorAnswer, errors=(401,)),
    Operation("delete", "/api/v1/session", "sign_out", "Sign out, on all connections.", 204, errors=(403, 503)),
    Operation(
        "post", "/api/v1/tickets", "issue_ticket", "A ticket for a page that is not served from here.", 201,
        answer=TicketAnswer, body=TicketBody, errors=(401, 403, 404, 503), security="key",
    ),
    Operation(
        "get", "/api/v1/missed", "missed_calls", "Callers who wait to be called back, the latest first, 200 at most.",
        answer=MissedAnswer, errors=(400, 401, 503),
        query={"since": "An age (`2h`, `7d`, `2w`) or an ISO date or time; `7d` if left out, 31 days at most."},
    ),
    Operation("get", PATH, "describe", "This description.", security=""),
    Operation("get", FRAMES, "describe_frames", "The JSON Schema of the websocket's frames.", security=""),
)  # fmt: skip
"""Everything below `/api/v1` but the commands."""


def description(commands: Iterable[Command]) -> Json:
    """The whole document."""
    operations = [*OPERATIONS, *map(_operation_of, commands)]
    models = {m for op in operations for m in (op.answer, op.body) if m is not None} | {ErrorAnswer}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, shared = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _written(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cti-bridge",
            "version": __version__,
            "description": "What operators' pages do, for programs. Events come by the websocket `/ws`, not by this.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(shared.get("$defs", {}).items())),
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
                "key": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation_of(command: Command) -> Operation:
    """The operation by which programs give this command."""
    name = "".join(part.capitalize() for part in command.name.replace("_", ".").split("."))
    body: Any = create_model(f"{name}Command", __base__=CommandBody, __doc__=command.says, args=(command.args, ...))
    answer: Any = Done
    if command.answer is not None:
        answer = create_model(f"{name}Answer", __base__=Part, __doc__=command.says, value=(command.answer, ...))
    return Operation(
        "post", f"{COMMANDS}/{command.name}", command.name, command.says,
        answer=answer, body=body, errors=(401, *sorted(set(REFUSALS.values()))),
    )  # fmt: skip


def _written(operation: Operation) -> Json:
    errors = {*operation.errors, *_ALWAYS, *(_WITH_BODY if operation.body else ())}
    if operation.method != "get":
        errors |= {403}
    good: Json = {"description": operation.says}
    if operation.answer is not None:
        good["content"] = _json(operation.answer)
    elif operation.path in (PATH, FRAMES):
        good["content"] = {"application/json": {"schema": {"type": "object"}}}
    written: Json = {
        "operationId": operation.id,
        "summary": operation.says,
        "responses": {str(operation.status): good}
        | {str(code): {"description": _REASONS[code], "content": _json(ErrorAnswer)} for code in sorted(errors)},
        "security": [{operation.security: []}] if operation.security else [],
    }
    if operation.body is not None:
        written["requestBody"] = {"required": True, "content": _json(operation.body)}
    if operation.query:
        written["parameters"] = [
            {"name": name, "in": "query", "required": False, "description": says, "schema": {"type": "string"}}
            for name, says in operation.query.items()
        ]
    return written


def _json(model: type[BaseModel]) -> Json:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
