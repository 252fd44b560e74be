"""How requests are read and answered: small strict JSON both ways, and one form for every error."""

import asyncio
from typing import Any, NoReturn, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from cti_bridge.operators.strict_json import read_object

BODY_LIMIT = 16 * 1024
BODY_WITHIN_S = 10.0

M = TypeVar("M", bound="Body")


class Body(BaseModel):
    """A JSON body of a request; unknown fields and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Refusal(Exception):
    """Ends a request with this status and `{"error": {"code", "message"}}`."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s

    def to_response(self) -> web.Response:
        """The answer to the client."""
        content: dict[str, Any] = {"error": {"code": self.code, "message": self.message}}
        headers = {}
        if self.retry_after_s is not None:
            content["retry_after_s"] = self.retry_after_s
            headers["Retry-After"] = str(self.retry_after_s)
        return web.json_response(content, status=self.status, headers=headers)


async def body(request: web.Request, model: type[M]) -> M:
    """The body of a request. Raises Refusal when it is no JSON, not of this form, too large or too slow."""
    if request.content_type != "application/json":
        raise Refusal(415, "not_json", "send Content-Type: application/json")
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            text = await request.read()
    except TimeoutError:
        raise Refusal(408, "too_slow", "the body did not arrive in time") from None
    try:
        read_object(text.decode())
    except ValueError:  # what is read twice, or is no number, is not read at all: the same as in a frame
        raise Refusal(400, "bad_request", "the body has to be one JSON object, without anything twice") from None
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        _bad_fields(error)


def _bad_fields(error: ValidationError) -> NoReturn:
    # Where, never what: a body holds passwords.
    places = sorted({".".join(str(part) for part in problem["loc"]) or "body" for problem in error.errors()})
    raise Refusal(400, "bad_request", f"wrong or missing: {', '.join(places)[:200]}") from None
