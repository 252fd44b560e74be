"""A CRM with people in it, whichever it is: what the stories of the contract need to know and to do beside the port.

Each kind of CRM has a `Place` of its own in its file of tests. What that reads and writes is past the adapter: in the
database, through the vendor's own interface, or in the memory of a fake. A server that takes long to start may serve
all stories of a file (a fixture of the file's scope); place and adapter are made anew for each. The stories never use
one number twice, so nothing has to be cleared between them.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.crm.port import Crm
from cti_bridge.domain.ids import CustomerId


class DealState(StrEnum):
    """How far a deal is; each CRM has stages that mean this."""

    EARLY = "early"
    LATE = "late"
    """Open as well, but another stage than EARLY and behind it."""
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class SeedDeal:
    """A deal that somebody has put into the CRM."""

    title: str
    state: DealState = DealState.EARLY


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is to be in the CRM; `numbers` as they were typed there, `responsible` is `Place.user` or nobody."""

    name: str
    numbers: tuple[str, ...]
    deals: tuple[SeedDeal, ...] = ()
    responsible: str = ""
    archived: bool = False


@dataclass(frozen=True, slots=True)
class SeenCall:
    """A call as somebody who looks into the CRM sees it; None where it shows nothing of the kind."""

    answered: bool | None = None
    over: bool | None = None
    talked_s: int | None = None
    recordings: int | None = None
    user: str | None = None
    """The CRM's user who talked, as `Place.user` is written; empty for nobody."""


class Trouble(StrEnum):
    """What can be wrong with a CRM that is asked."""

    STOPPED = "stopped"
    """Nobody is there."""
    HANGS = "hangs"
    """It takes the question and never answers."""
    HTML = "html"
    """It answers something that is not its language: a login page, or a file of something else."""
    INSIDE = "error inside"
    """It answers well (HTTP 200), and what it says is an error."""
    EXPIRED = "expired"
    """It does not know our login any more; a new one helps."""
    LIMITED = "limited"
    """It has had enough for the moment (429 or 503 with one second to wait)."""


TYPED = ("+7495000{:04}", "8 (495) 000-{:04}", "+7 495 000 {:04}", "7495000{:04}", "495000{:04}", "8-495-000-{:04}")
"""Ways in which people type one number: the adapter is to find each."""


class Place(ABC):
    """A CRM with people in it. The attributes say what it is like, the methods reach past the adapter."""

    crm: Crm
    """The adapter as the bridge opens it; `restart` gives another one."""
    user: str = "olga"
    """A user of the CRM as its `responsible` names him."""
    typed: tuple[str, ...] = TYPED
    """Ways of typing a number that are found, with `{:04}` for its last four digits; fewer where it has its own."""
    archives: bool = True
    """Whether people can be archived in it, and are found no more."""
    nobody: CustomerId = CustomerId("999999")
    """An id that could be a customer's, and is nobody's."""
    troubles: frozenset[Trouble]
    """What can be put upon it; STOPPED at least."""

    @abstractmethod
    async def seed(self, people: Sequence[Person]) -> tuple[CustomerId, ...]:
        """Put these people and their deals into the CRM; their ids, as the adapter gives them, in the same order."""

    @abstractmethod
    def stage(self, state: DealState) -> str:
        """The id of the stage that means this, as the adapter gives it."""

    @abstractmethod
    async def calls_at(self, customer_id: CustomerId) -> list[SeenCall]:
        """The calls that the CRM has of somebody, each once as it shows them, in any order."""

    async def calls_of_strangers(self) -> int:
        """How many calls the CRM has of people whom it does not know; of one that takes note of them."""
        raise NotImplementedError

    @abstractmethod
    async def notes_at(self, customer_id: CustomerId) -> list[str]:
        """The texts of the notes that the CRM has on somebody, without what it shows as calls."""

    @abstractmethod
    async def restart(self) -> None:
        """Close the adapter and open it anew with the same links, as a restart of the bridge does."""

    @abstractmethod
    async def suffer(self, trouble: Trouble) -> None:
        """From now on something is wrong; only what `troubles` names is asked for."""

    @abstractmethod
    async def recover(self) -> None:
        """All is well again, and what was in the CRM is still in it."""
