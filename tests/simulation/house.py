"""The contact centre that is simulated: operators, their phones, queues, and how people behave. Invented, all of it."""

import random
from dataclasses import dataclass

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory

TRUNK = "PJSIP/trunk"
UNREGISTERED = "PJSIP/109"
"""It belongs to an operator and is called, but never rings through."""

OPERATORS = tuple(
    Operator(OperatorId(f"op{number}"), name, phones)
    for number, (name, phones) in enumerate(
        (
            ("Ольга Ручьёва", ("PJSIP/101", "PJSIP/121")),
            ("Тимур Ясенев", ("PJSIP/102",)),
            ("Зоя Полынина", ("PJSIP/103",)),
            ("Фома Брусникин", ("PJSIP/104", "PJSIP/124")),
            ("Рада Бирюкова", ("PJSIP/105",)),
            ("Аркадий Щукин", ("PJSIP/106",)),
            ("Ия Снегирёва", ("PJSIP/107",)),
            ("Наум Ёлкин", ("PJSIP/108",)),
            ("Яна Журавлёва", (UNREGISTERED,)),
        ),
        start=1,
    )
)
DIRECTORY = Directory.of(OPERATORS)
PHONES = tuple(phone for operator in OPERATORS for phone in operator.phones)


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue: whom it calls, and whether all at once."""

    name: str
    members: tuple[str, ...]
    ring_all: bool = False


QUEUES = (
    Queue("primary-consult", ("PJSIP/101", "PJSIP/102", "PJSIP/103", "PJSIP/104"), ring_all=True),
    Queue("sales", ("PJSIP/103", "PJSIP/105", "Local/107@agents", "PJSIP/106", UNREGISTERED)),
    Queue("production", ("PJSIP/105", "Local/106@agents", "PJSIP/108", "PJSIP/121")),
    Queue("night", ("PJSIP/108", "Local/107@agents", "PJSIP/124"), ring_all=True),
)
FINALS = ("callback", "voicemail:100", "goto:others/s/1", "queue:primary-consult")


def phone_behind(member: str) -> str:
    """The phone that a Local member calls in the end; every other member is a phone itself."""
    return f"PJSIP/{member[6:9]}" if member.startswith("Local/") else member


class House:
    """What changes in it: who is paused, and whose turn it is."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.paused: set[str] = set()
        self._turn = dict.fromkeys((queue.name for queue in QUEUES), 0)

    def members(self, queue: Queue, busy: set[str]) -> list[str]:
        """Whom the queue would call now: all at once, or whose turn it is."""
        free = [member for member in queue.members if member not in self.paused and phone_behind(member) not in busy]
        if queue.ring_all or not free:
            return free
        self._turn[queue.name] += 1
        return [free[self._turn[queue.name] % len(free)]]

    def somebody(self, busy: set[str]) -> str | None:
        """The phone of an operator who does nothing at the moment."""
        free = [phone for phone in PHONES if phone not in busy and phone != UNREGISTERED]
        return self.chance.choice(free) if free else None

    def pause_or_not(self) -> None:
        """Somebody pauses, or comes back; most are there."""
        member = self.chance.choice([member for queue in QUEUES for member in queue.members])
        if member in self.paused or len(self.paused) > 3:
            self.paused.discard(member)
        else:
            self.paused.add(member)
