"""Other people's columns: a file says what they mean, and every mistake in it is named before any row is read."""

from pathlib import Path

import pytest
from customer_files import content, import_file, owners, write

from cti_bridge.cli.columns_file import ColumnsFileError, read_columns_file
from cti_bridge.crm.embedded.columns import MissingColumns
from cti_bridge.crm.embedded.customers_csv import Rejected
from cti_bridge.crm.embedded.importing import Found, Listener, Source
from cti_bridge.domain.customer import SHIPPED_STAGES

COLUMNS = """
columns:
  customer_id: код
  name: [Фамилия, Имя]
  number: [Телефон, "Раб. тел."]
  number2: Мобильный
  responsible: Менеджер
  stage: Этап
  amount: Сумма
  changed_at: Изменена
values:
  stage: {"Счёт выставлен": awaiting_payment, Отказ: lost}
  responsible: {"Крылова Анна": a.krylova}
dates: ["%d.%m.%Y %H:%M", "%d.%m.%Y"]
timezone: Europe/Moscow
decimal: ","
"""
HEADER = "Код;Фамилия;Имя;ТЕЛЕФОН;Раб.  тел.;Мобильный;Менеджер;Этап;Сумма;Изменена;Комментарий\r\n"


def imported(folder: Path, columns: str, text: str) -> tuple[list[Rejected], list[Found]]:
    """Import an export of some other system, written on Windows, with this columns file."""
    file = folder / "export.csv"
    file.write_bytes(text.encode("cp1251"))
    plan = read_columns_file(write(folder / "columns.yaml", columns), SHIPPED_STAGES).plan
    rejected: list[Rejected] = []
    found: list[Found] = []
    import_file(folder, Source(file, plan), Listener(rejected=rejected.append, found=found.append))
    return rejected, found


def test_an_export_of_another_system_comes_in_as_it_is(tmp_path: Path) -> None:
    row = "17;Ёлкина;Вера;8 495 000-01-50;;+74950000151;крылова  анна;СЧЁТ ВЫСТАВЛЕН;1.250.000,50 руб.;"
    row += "20.11.2026 14:05;x\r\n"
    rejected, (found,) = imported(tmp_path, COLUMNS, HEADER + row)
    assert rejected == []
    assert found.unread == (("Комментарий", ""),)
    assert owners(tmp_path) == {("Ёлкина Вера", "+74950000150"), ("Ёлкина Вера", "+74950000151")}
    (deal,) = content(tmp_path)["deals"]
    assert deal[1:] == ("17", "", "awaiting_payment", "1250000.50", "a.krylova", "2026-11-20T11:05:00+00:00")


@pytest.mark.parametrize(
    ("decimal", "amount", "kept"),
    [
        (",", "1.250.000,5", "1250000.5"),
        (",", "1 250 000", "1250000"),
        (".", "1,250,000.50", "1250000.50"),
        ("", "1250000,50 ₽", "1250000.50"),
        ("", "1\u00a0250\u202f000 р.", "1250000"),
        ("", "1.250.000,50", None),
        (".", "1250000.505", None),
    ],
)
def test_sums_of_money_are_read_as_the_file_says(tmp_path: Path, decimal: str, amount: str, kept: str | None) -> None:
    columns = "columns: {name: name, number: number, amount: amount, stage: stage}\n"
    columns += f'decimal: "{decimal}"\n' if decimal else ""
    plan = read_columns_file(write(tmp_path / "columns.yaml", columns), SHIPPED_STAGES).plan
    file = write(tmp_path / "a.csv", f"name\tnumber\tamount\tstage\nВера\t84950000150\t{amount}\tpaid\n")
    rejected: list[Rejected] = []
    import_file(tmp_path, Source(file, plan), Listener(rejected=rejected.append))
    assert [deal[4] for deal in content(tmp_path)["deals"]] == ([kept] if kept else [])
    assert len(rejected) == (kept is None)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("1;Ёлкина;;84950000150;;;;Думает;;;\r\n", 'unknown stage "Думает" (known: offer_preparing'),
        (
            "1;Ёлкина;;84950000150;;;;Отказ;;2026-11-20;\r\n",
            'changed_at "2026-11-20" is no time (%d.%m.%Y %H:%M or %d.',
        ),
        ("1;;;84950000150;;;;;;;\r\n", "the name is empty"),
        ("1;Ёлкина;;;;;;;;;\r\n", "the number is empty"),
    ],
)
def test_what_the_file_does_not_explain_is_rejected(tmp_path: Path, row: str, complaint: str) -> None:
    (rejected,), _ = imported(tmp_path, COLUMNS, HEADER + row)
    assert complaint in rejected.message


def test_columns_that_are_not_there_are_named_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(MissingColumns) as caught:
        imported(tmp_path, COLUMNS, "Код;Фамилия;Имя;Телефон1;Раб. тел.;Мобильный;Менеджер;Этап;Сумма\r\n")
    assert caught.value.missing == (
        ("number", "Телефон", ' (did you mean "Телефон1"?)'),
        ("changed_at", "Изменена", ""),
    )
    assert not (tmp_path / "crm.sqlite").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "1:1: the file is empty"),
        ("[a]", "1:1: the file must be keys with values"),
        ("values: {}", "1:1: key `columns` is missing"),
        ("columns: {name: a}", "1:10: column `number` is missing"),
        ("columns: {name: a, number: b, nmae: c}", "1:31: unknown key `nmae` (did you mean `name`?)"),
        ("columns: {name: a, number: b}\ncolumn: {}", "2:1: unknown key `column` (did you mean `columns`?)"),
        ("columns: {name: a, number: a}", "1:28: `a` is `name` already"),
        ("columns: {name: a, number: []}", "1:28: must not be empty"),
        ("columns: {name: a, number: b, city: [c, d]}", "1:37: `city` can be one column only (several: name, number)"),
        ("columns: {name: a, number: b, city: {x: y}}", "1:37: must be a text"),
        ("columns: {name: a, number: }", "1:20: must be a text"),
        (
            "columns: {name: a, number: b}\nvalues: {stage: {Куплен: payd}}",
            "2:26: unknown stage `payd` (did you mean `paid`?)",
        ),
        ("columns: {name: a, number: b}\nvalues: {name: {x: y}}", "2:10: unknown key `name`"),
        ("columns: {name: a, number: b}\nvalues: {stage: paid}", "2:17: `stage` must be their values with ours"),
        ("columns: {name: a, number: b}\ndates: DD.MM.YYYY", "2:8: `DD.MM.YYYY` is no form of a date (such as"),
        ("columns: {name: a, number: b}\ntimezone: Moscow", "2:11: unknown timezone `Moscow`"),
        ("columns: {name: a, number: b}\ndecimal: ';'", "2:10: the decimal sign cannot be `;`"),
        ("columns: {name: a, number: b}\n  city: c", "this is not YAML"),
        ("columns: &a {name: a, number: b}", "anchors (`&name`) are not allowed"),
    ],
)
def test_every_mistake_has_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    file = write(tmp_path / "columns.yaml", text)
    with pytest.raises(ColumnsFileError) as caught:
        read_columns_file(file, SHIPPED_STAGES)
    assert any(f"{file}:" in problem and complaint in problem for problem in caught.value.problems), caught.value


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "columns.yaml").write_bytes(b"\xff")
    for name, complaint in (("columns.yaml", "not UTF-8"), ("nowhere.yaml", "No such file")):
        with pytest.raises(ColumnsFileError, match=complaint):
            read_columns_file(tmp_path / name, SHIPPED_STAGES)
