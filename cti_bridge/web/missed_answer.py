"""The form of the list of callers who wait to be called back."""

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MissedNumber(_Part):
    """A caller's number, for programs and for people."""

    number: str
    display: str


class MissedRang(_Part):
    """A phone that rang for the call, and how long in all."""

    operator: str
    phone: str | None
    rang_s: float | None
    why: str | None


class MissedTry(_Part):
    """One call of his."""

    id: str
    at: str
    line: str
    queue: str
    outcome: str
    promised: bool
    waited_s: float | None
    rang: list[MissedRang]


class MissedItem(_Part):
    """One caller who was not answered."""

    caller: MissedNumber
    name: str
    calls: int
    first_at: str
    last_at: str
    promised: bool
    tries: list[MissedTry]


class MissedAnswer(_Part):
    """The open items, and whether there are more."""

    missed: list[MissedItem]
    more: bool
