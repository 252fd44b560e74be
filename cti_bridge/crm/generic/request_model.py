"""How a request is written in the settings; placeholders and expressions are checked while the file is read."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from cti_bridge.crm.generic.expressions import Expression
from cti_bridge.crm.generic.requests import Request
from cti_bridge.crm.generic.templates import Template, parse_template, parse_tree
from cti_bridge.settings_model import Inside, StrictModel

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}")
_OUR_OWN = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te", "upgrade"})
_PATH = re.compile(r"/[A-Za-z0-9!$&'()*+,;:@/._~%-]*")
_MOST = 50
_LONGEST = 2_000


def _jmespath(text: str) -> str:
    Expression(text)
    return text


Text = Annotated[str, AfterValidator(_jmespath)]
"""A JMESPath expression."""
Status = Annotated[int, Field(ge=400, le=599)]


def check_header_name(name: str) -> str:
    """The name of a header as it is. Raises ValueError for one that is none, or that is not to be set."""
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r} is no name of a header")
    if name.lower() in _OUR_OWN:
        raise ValueError(f"{name} cannot be set")
    return name


def check_header(name: str, text: str) -> None:
    """Raises ValueError for a header that is not to be set here, or that cannot be sent."""
    check_header_name(name)
    if name.lower() == "authorization":
        raise ValueError("put what lets us in under auth, so that no secret is in this file")
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"{name}: a header can only have printable ASCII")


def checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Headers of the settings as they are. Raises Inside for one that cannot be set or sent."""
    for name, text in headers.items():
        try:
            check_header(name, text)
        except ValueError as error:
            raise Inside((name,), str(error)) from None
    return headers


class RequestModel(StrictModel):
    """One request; `knows` are the placeholders that it may have."""

    knows: ClassVar[frozenset[str]] = frozenset()

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: str
    query: Mapping[str, str] = Field(default_factory=dict, max_length=_MOST)
    headers: Mapping[str, str] = Field(default_factory=dict, max_length=_MOST)
    body: Any = None
    form: Mapping[str, str] | None = Field(default=None, max_length=_MOST)

    @field_validator("path")
    @classmethod
    def _in_path(cls, value: str) -> str:
        fixed = "".join(part for part in parse_template(value, cls.knows).parts if isinstance(part, str))
        leads_away = any(segment in {".", ".."} for segment in value.split("/"))
        if not value.startswith("/") or len(value) > _LONGEST or leads_away or not _PATH.fullmatch(f"/{fixed}"):
            raise ValueError("must be a path such as /customers/{customer_id}, encoded; ?a=b goes into query")
        return value

    @field_validator("query", "headers", "form")
    @classmethod
    def _filled_in(cls, value: Mapping[str, str] | None) -> Mapping[str, str] | None:
        _templates(value, cls.knows)
        return value

    @field_validator("headers")
    @classmethod
    def _sendable(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        return checked_headers(value)

    @field_validator("body")
    @classmethod
    def _document(cls, value: Any) -> Any:
        parse_tree(value, cls.knows)
        return value

    @model_validator(mode="after")
    def _one_body(self) -> "RequestModel":
        if self.body is not None and self.form is not None:
            raise ValueError("give body (JSON) or form, not both")
        if self.method == "GET" and (self.body is not None or self.form is not None):
            raise ValueError("a GET has neither body nor form: say method: POST")
        return self

    def compiled(self, what: str) -> Request:
        """The request ready to be filled in; `what` names it in messages."""
        form = None if self.form is None else _templates(self.form, self.knows)
        return Request(
            what=what,
            method=self.method,
            path=parse_template(self.path, self.knows),
            query=_templates(self.query, self.knows),
            headers=_templates(self.headers, self.knows),
            body=parse_tree(self.body, self.knows),
            form=form,
            statuses=frozenset(getattr(self, "nobody", ())) | frozenset(getattr(self, "also_done", ())),
        )


def _templates(texts: Mapping[str, str] | None, known: frozenset[str]) -> dict[str, Template]:
    return {} if texts is None else dict(parse_tree(texts, known))
