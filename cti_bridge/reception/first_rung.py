"""Which of the operators whom a rule wants is rung before the queue: the first who is there and free. Pure."""

from collections.abc import Callable, Sequence

from cti_bridge.asterisk.dialplan import MAX_VALUE
from cti_bridge.domain.decision import OperatorDial, PreferredOperator, WantedOperator
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.why import FirstOperator, Wish

NOBODY = "is no operator"
BUSY = "is on the phone"
"""At least one of his phones is in use."""
AWAY = "is not to be called now"
"""His state says so: he is away, writes something down after a call, or is not at work."""
NO_PHONE = "has no phone that can be rung"

Skipped = tuple[str, str]
"""Who was not rung, by his id or else as the CRM calls him, and why, as the end of a sentence."""


def first_rung(
    preferred: PreferredOperator | None,
    directory: Directory,
    free_phones: Callable[[Operator], tuple[str, ...]],
    is_away: Callable[[OperatorId], bool] = lambda operator: False,
) -> tuple[OperatorDial | None, tuple[Skipped, ...]]:
    """Whom to ring, and whom the rule would have had rung before him; nobody, where none of them is free."""
    skipped: dict[str, str] = {}
    for wanted in preferred.wanted if preferred else ():
        operator = operator_wanted(wanted, directory)
        if operator is None:
            skipped[wanted.id] = NOBODY
            continue
        if is_away(operator.id):
            skipped[operator.id] = AWAY
            continue
        phones = free_phones(operator)
        dial = operator_dial(operator, phones, preferred.timeout_s) if preferred else None
        if dial is not None:
            return dial, tuple(skipped.items())
        skipped[operator.id] = NO_PHONE if phones or not operator.phones else BUSY
    return None, tuple(skipped.items())


def operator_wanted(wanted: WantedOperator, directory: Directory) -> Operator | None:
    """The operator who is meant, None when there is no such."""
    if wanted.operator is not None:
        return directory.get(wanted.operator)
    return directory.by_crm_user(wanted.crm_user)


def as_on_a_card(called: str, skipped: Sequence[Skipped], directory: Directory) -> tuple[FirstOperator, ...]:
    """The same for colleagues: by name, and without saying what anybody is doing; `called` is empty for nobody."""
    passed_over = (
        FirstOperator(who, Wish.NOBODY) if why == NOBODY else FirstOperator(_name(who, directory), Wish.NOT_FREE)
        for who, why in skipped
    )
    return (*passed_over, *((FirstOperator(_name(called, directory), Wish.CALLED),) if called else ()))


def _name(operator: str, directory: Directory) -> str:
    known = directory.get(operator)
    return known.name if known else operator


def operator_dial(operator: Operator, phones: Sequence[str], timeout_s: int) -> OperatorDial | None:
    """How to ring an operator's phones, all at once; None when none is to be rung.

    Where there are more than a channel variable can name, the first ones are rung: a call that is decided with some of
    them beats one that is not decided.
    """
    dial = ""
    for phone in phones:
        longer = f"{dial}&{phone}" if dial else phone
        if len(longer) > MAX_VALUE:
            break
        dial = longer
    return OperatorDial(operator.id, dial, timeout_s) if dial else None
