"""One person, many numbers: which rows are one customer, which stay apart, and that a second import agrees."""

from pathlib import Path

import pytest
from customer_files import content, import_text, owners
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.crm.embedded.customers_csv import Reason

IDS = "customer_id,name,number,number2\n"
PLAIN = "name,number,number2\n"
ONE, TWO, THREE, FOUR = (f"+7495000015{n}" for n in range(4))


def customers(folder: Path) -> dict[str, set[str]]:
    """The numbers of each customer, by id."""
    found: dict[str, set[str]] = {str(row[0]): set() for row in content(folder)["customers"]}
    for key, customer_id, _ in content(folder)["numbers"]:
        found[str(customer_id)].add(str(key))
    return found


def apart(folder: Path) -> list[set[str]]:
    """The numbers of each customer, whatever his id."""
    return sorted(customers(folder).values(), key=sorted)


@pytest.mark.parametrize(
    ("rows", "people"),
    [
        (f"{IDS}c-1,Вера,{ONE},\nc-1,Вера,{TWO},{THREE}\n", [{ONE, TWO, THREE}]),
        (f"{IDS}c-1,Вера,{ONE},\nc-2,Вера,{ONE},\n", [{ONE}, {ONE}]),
        (f"{PLAIN}Вера,{ONE},{TWO}\nВера,{TWO},{THREE}\n", [{ONE, TWO, THREE}]),
        (f"{PLAIN}Вера,{ONE},\nВера,{TWO},\n", [{ONE}, {TWO}]),
        (f"{PLAIN}Вера,{ONE},\nВера,{TWO},\nВера,{ONE},{TWO}\n", [{ONE, TWO}]),
        (f"{PLAIN}Вера,{ONE},\nПётр,{ONE},\n", [{ONE}, {ONE}]),
        (f"{IDS},Вера,{ONE},{TWO}\nc-1,Вера,{ONE},\n", [{ONE, TWO}]),
        (f"{IDS}c-1,Вера,{ONE},\n,Вера,{ONE},{TWO}\n", [{ONE, TWO}]),
        (f"{IDS}c-1,Вера,{ONE},\nc-2,Вера,{ONE},\n,Вера,{ONE},{TWO}\n", [{ONE}, {ONE, TWO}]),
        (f"{IDS}c-1,Вера,{ONE},\nc-1,Анна,{TWO},\n,Вера,{ONE},{THREE}\n", [{ONE, TWO}, {ONE, THREE}]),
        (f'{PLAIN}Вера,"{ONE}, {TWO}; {THREE}",{FOUR}\n', [{ONE, TWO, THREE, FOUR}]),
        (f'{PLAIN}Вера,"{ONE} доб. 12",\n', [{ONE}]),
    ],
    ids=[
        "the same id adds numbers", "several ids on one number stay apart", "the same name and a number in common",
        "the same name alone says nothing", "a row that joins two others", "the same number alone says nothing",
        "the id comes later", "the id comes first", "of several ids the smallest", "the last name of an id counts",
        "several numbers in one cell", "an extension is no second number",
    ],
)  # fmt: skip
def test_which_rows_are_one_customer(tmp_path: Path, rows: str, people: list[set[str]]) -> None:
    result, rejected = import_text(tmp_path, rows)
    assert rejected == []
    assert apart(tmp_path) == people
    before = content(tmp_path)
    again, _ = import_text(tmp_path, rows)
    assert (again.created, again.updated, again.joined, again.unchanged) == (0, 0, 0, result.created)
    assert content(tmp_path) == before


def test_numbers_of_several_customers_are_counted_and_names_that_changed(tmp_path: Path) -> None:
    result, _ = import_text(tmp_path, f"{IDS}c-1,Вера,{ONE},{TWO}\nc-2,Пётр,{ONE},\nc-2,Пётр Щукин,{THREE},\n")
    assert (result.ambiguous, result.renamed) == (1, 1)
    assert owners(tmp_path) == {("Вера", ONE), ("Вера", TWO), ("Пётр Щукин", ONE), ("Пётр Щукин", THREE)}
    later, _ = import_text(tmp_path, f"{IDS}c-3,Анна,{TWO},\n")
    assert later.ambiguous == 1


def test_who_was_known_by_name_and_number_gets_his_id_with_all_he_had(tmp_path: Path) -> None:
    head = "customer_id,name,number,deal_id,deal_title,stage,note\n"
    import_text(tmp_path, f"{head},Вера,{ONE},d-1,Кухня,paid,звонила\n,Вера,{ONE},,Шкаф,paid,\n")
    result, _ = import_text(tmp_path, f"{head}c-1,Вера,{ONE},,,,звонила\n")
    assert (result.created, result.updated, result.joined, result.customers) == (0, 1, 1, 1)
    after = content(tmp_path)
    assert [row[0] for row in after["customers"]] == ["c-1"]
    assert [row[:3] for row in after["deals"]] == [("d-1", "c-1", "Кухня")]
    assert [(row[1], row[4]) for row in after["notes"]] == [("c-1", "звонила")]
    again, _ = import_text(tmp_path, f"{head}c-1,Вера,{ONE},,,,звонила\n")
    assert (again.unchanged, again.joined) == (1, 0)
    assert content(tmp_path) == after


def test_two_who_were_known_apart_become_one_by_a_row_with_both_numbers(tmp_path: Path) -> None:
    head = "name,number,number2,changed_at,note\n"
    import_text(tmp_path, f"{head}Вера,{ONE},,2026-11-02,раз\nВера,{TWO},,2026-11-01,два\n")
    result, _ = import_text(tmp_path, f"{head}Вера,{ONE},{TWO},,\n")
    assert (result.updated, result.joined, result.customers) == (1, 1, 1)
    assert apart(tmp_path) == [{ONE, TWO}]
    assert {row[4] for row in content(tmp_path)["notes"]} == {"раз", "два"}
    assert content(tmp_path)["customers"][0][-1] == "2026-11-02T00:00:00+00:00"


def test_a_row_whose_deal_is_anothers_takes_nothing_else_with_it(tmp_path: Path) -> None:
    head = "customer_id,name,number,deal_id,stage\n"
    text = f"{head}c-1,Вера,{ONE},d-1,paid\nc-2,Пётр,{TWO},d-1,paid\nc-2,Пётр,{THREE},d-2,paid\n"
    result, rejected = import_text(tmp_path, text)
    assert [(row.line, row.reason) for row in rejected] == [(3, Reason.DEAL)]
    assert result.rows == 2
    assert customers(tmp_path) == {"c-1": {ONE}, "c-2": {THREE}}


def test_nobody_has_thousands_of_rows(tmp_path: Path) -> None:
    text = "customer_id,name,number,deal_id,stage\n" + "".join(f"c-1,Вера,{ONE},d-{n},paid\n" for n in range(2_003))
    result, rejected = import_text(tmp_path, text)
    assert (result.rows, result.deals) == (2_000, 2_000)
    assert [(row.line, row.reason) for row in rejected] == [(n, Reason.TOO_MANY) for n in (2002, 2003, 2004)]


@pytest.mark.parametrize(
    ("row", "numbers", "dropped"),
    [
        (f"Вера,{ONE},101\n", {ONE}, 1),
        (f"Вера,101,{ONE}\n", {ONE}, 1),
        (f"Вера,{ONE},{TWO}\n", {ONE}, 1),
        (f"Вера,{ONE},8 (495) 000-09-01\n", {ONE}, 1),
        (f"Вера,,{ONE}\n", {ONE}, 0),
    ],
)
def test_numbers_of_the_house_are_no_customers(tmp_path: Path, row: str, numbers: set[str], dropped: int) -> None:
    result, rejected = import_text(tmp_path, PLAIN + row, staff=(TWO, "+74950000 9*"))
    assert rejected == []
    assert apart(tmp_path) == [numbers]
    assert result.dropped == dropped


def test_who_has_only_numbers_of_the_house_is_no_customer(tmp_path: Path) -> None:
    import_text(tmp_path, f"{PLAIN}Вера,{ONE},\nПётр,{TWO},\n")
    result, rejected = import_text(tmp_path, f"{PLAIN}Вера,{ONE},101\nПётр,{TWO},\n", staff=(ONE,))
    assert [(row.line, row.reason) for row in rejected] == [(2, Reason.STAFF)]
    assert result.unchanged == 1


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    import_text(tmp_path, f"{IDS}c-1,Вера,{ONE},\nc-2,Пётр,{TWO},\n,Анна,{THREE},\n")
    before = content(tmp_path)
    text = f"{IDS}c-1,Вера,{ONE},\nc-2,Пётр,{ONE},\nc-3,Анна,{THREE},\nc-4,Лука,{FOUR},\nc-5,,,\n"
    dry, _ = import_text(tmp_path, text, dry_run=True)
    assert (dry.created, dry.updated, dry.unchanged, dry.joined, dry.rejected, dry.ambiguous) == (1, 2, 1, 1, 1, 1)
    assert content(tmp_path) == before
    wet, _ = import_text(tmp_path, text)
    assert (wet.created, wet.updated, wet.unchanged, wet.joined, wet.rejected, wet.ambiguous) == (1, 2, 1, 1, 1, 1)


def test_a_dry_run_makes_no_customer_file(tmp_path: Path) -> None:
    dry, _ = import_text(tmp_path, f"{IDS}c-1,Вера,{ONE},\n", dry_run=True)
    assert (dry.created, dry.customers) == (1, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["customers.csv"]


rows = st.lists(
    st.tuples(
        st.sampled_from(["", "", "c-1", "c-2"]),
        st.sampled_from(["Вера", "Пётр"]),
        st.sampled_from([ONE, TWO, THREE]),
        st.sampled_from(["", ONE, TWO, FOUR]),
        st.sampled_from(["", "d-1", "d-2"]),
        st.sampled_from(["", "звонила", "раз"]),
    ),
    max_size=8,
)


@given(first=rows, second=rows)
def test_after_any_two_imports_a_third_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, first: list[tuple[str, ...]], second: list[tuple[str, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("crm")
    head = "customer_id,name,number,number2,deal_id,note,stage\n"
    for of in (first, second):
        text = head + "".join(",".join(row) + (",paid\n" if row[4] else ",\n") for row in of)
        dry, _ = import_text(folder, text, dry_run=True)
        wet, _ = import_text(folder, text)
        assert (dry.created, dry.updated, dry.unchanged, dry.joined) == (
            wet.created, wet.updated, wet.unchanged, wet.joined
        )  # fmt: skip
    before = content(folder)
    again, _ = import_text(folder, text)
    assert (again.created, again.updated, again.joined) == (0, 0, 0)
    assert content(folder) == before
    assert {row[1] for row in before["numbers"]} <= {row[0] for row in before["customers"]}
