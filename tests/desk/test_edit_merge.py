"""What the CRM has, what the operator saw and what he wants mean together: a table, and whatever there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.calls.journal_edits import Edit, EditKind, EditState
from cti_bridge.desk.customers.edit_texts import LONGEST, Unwritable, checked
from cti_bridge.desk.customers.edits import FIELDS, Apply, Conflict, NothingToDo, as_shown, compared, settled
from cti_bridge.domain.customer import Customer, with_fields
from cti_bridge.domain.ids import CallId, CustomerId, OperatorId

NOW = Customer(CustomerId("c-1"), "Вера Ёлкина", email="v@example.test", city="Тверь")


@pytest.mark.parametrize(
    ("changes", "seen", "means"),
    [
        ({"city": "Клин"}, {"city": "Тверь"}, Apply({"city": "Клин"})),
        ({"city": "Тверь"}, {"city": "Клин"}, NothingToDo()),
        ({"city": "Клин"}, {"city": "Ржев"}, Conflict({"city": "Тверь"})),
        ({"city": ""}, {"city": "Тверь"}, Apply({"city": ""})),
        ({"city": ""}, {"city": ""}, Conflict({"city": "Тверь"})),
        ({"name": "Вера  Ёлкина "}, {"name": "Вера"}, NothingToDo()),
        ({"city": "Клин", "email": "n@example.test"}, {"city": "Тверь", "email": "o@example.test"},
         Conflict({"email": "v@example.test"})),
        ({"city": "Клин", "email": "v@example.test"}, {"city": "Тверь", "email": "o@example.test"},
         Apply({"city": "Клин"})),
        ({"segment": "vip"}, {"segment": ""}, Apply({"segment": "vip"})),
        # The CRM spells in its own way what it was given a moment ago.
        ({"email": "n@example.test"}, {"email": "V@Example.Test"}, Apply({"email": "n@example.test"})),
        ({"email": "V@Example.Test"}, {"email": "o@example.test"}, NothingToDo()),
        ({"name": "вера ёлкина"}, {"name": "Вера Ёлкина"}, Apply({"name": "вера ёлкина"})),
    ],
)  # fmt: skip
def test_what_it_means(changes: dict[str, str], seen: dict[str, str], means: object) -> None:
    assert compared(NOW, changes, seen) == means


TEXTS = st.sampled_from(["", "а", "А", "б", "в", "а б", " а  б "])
VALUES = st.fixed_dictionaries(dict.fromkeys(FIELDS, TEXTS))


@given(now=VALUES, wanted=st.dictionaries(st.sampled_from(FIELDS), TEXTS, min_size=1), seen=VALUES)
def test_whatever_there_is_nothing_that_the_operator_did_not_see_is_overwritten(
    now: dict[str, str], wanted: dict[str, str], seen: dict[str, str]
) -> None:
    before = with_fields(NOW, now)
    means = compared(before, wanted, seen)
    if isinstance(means, Apply):
        for name in means.changes:
            assert wanted[name] == means.changes[name]
            assert now[name].lower().split() == seen[name].lower().split()
        after = with_fields(before, means.changes)
        assert compared(after, wanted, seen) == NothingToDo()  # told again, as after a kill, it changes nothing
    elif isinstance(means, Conflict):
        assert means.theirs.keys() <= wanted.keys()
        decided = settled(_edit(wanted, seen, means.theirs), True)
        assert isinstance(compared(before, decided.content, decided.seen), Apply)
        given_up = settled(_edit(wanted, seen, means.theirs), False)
        assert not isinstance(compared(before, given_up.content, given_up.seen), Conflict)
        assert given_up.content.keys() == wanted.keys() - means.theirs.keys()


def _edit(content: dict[str, str], seen: dict[str, str], theirs: object) -> Edit:
    return Edit(
        "k", CallId("main-1.1"), OperatorId("op1"), "", CustomerId("c-1"), "+74950000301", "", EditKind.UPDATE,
        content, 0.0, seen=seen, theirs=dict(theirs), state=EditState.CONFLICT,  # type: ignore[call-overload]
    )  # fmt: skip


def test_the_card_shows_what_waits_and_nothing_of_what_does_not() -> None:
    def edit(city: str, state: EditState, customer: str = "c-1") -> Edit:
        return Edit(
            city, CallId("main-1.1"), OperatorId("op1"), "", CustomerId(customer), "", "", EditKind.UPDATE,
            {"city": city}, 0.0, state=state,
        )  # fmt: skip

    waiting, conflict, refused = EditState.WAITING, EditState.CONFLICT, EditState.REFUSED
    assert as_shown(NOW, [edit("Клин", waiting), edit("Ржев", waiting)]).city == "Ржев"
    assert as_shown(NOW, [edit("Клин", conflict), edit("Ржев", refused), edit("Дно", waiting, "c-2")]) == NOW


@given(name=st.sampled_from(sorted(LONGEST)), text=st.text(max_size=300))
def test_whatever_is_typed_is_kept_clean_or_refused_without_being_repeated(name: str, text: str) -> None:
    try:
        kept = checked(name, text)
    except Unwritable as error:
        assert str(error).startswith(name)
        assert text.strip() == "" or len(text) < 12 or text not in str(error)
        return
    assert kept == kept.strip()
    assert checked(name, kept) == kept
    assert len(kept) <= LONGEST[name]
    assert "\x00" not in kept
    assert name == "text" or "\n" not in kept
