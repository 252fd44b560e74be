"""How a company begins in an empty Tryton: its currency, its employees, who are users, and the user of the bridge."""

from typing import Any

from demo.staff import OPERATORS
from demo.tryton_office import Office

_GROUPS = ["Sales", "Sale Opportunity"]


def found_company(office: Office, *, user: str, password: str) -> None:
    """Make a company whose employees are users, and the user whom the bridge is."""
    rounding = {"__class__": "Decimal", "decimal": "0.01"}
    currency = office.create("currency.currency", name="Ruble", code="RUB", symbol="₽", digits=2, rounding=rounding)
    office.create("country.country", name="Russia", code="RU")
    company = office.create("company.company", party=office.create("party.party", name="Мебель"), currency=currency)
    employees = {login: _employee(office, company, name) for login, name in OPERATORS.items()}
    groups = [office.one("res.group", name=name) for name in _GROUPS]
    _works_for(office, company, employees["op1"], groups)
    for login, employee in employees.items():
        _user(office, company, login, OPERATORS[login], password, groups, employee)
    _user(office, company, user, "CTI", password, groups, None)


def _works_for(office: Office, company: int, employee: int, groups: list[int]) -> None:
    """Let the administrator be an employee of the company from now on, with the rights of these groups."""
    values: dict[str, Any] = {"company": company, "employees": [["add", [employee]]], "employee": employee}
    values["groups"] = [["add", groups]]
    if office.has("res.user", "companies"):
        values["companies"] = [["add", [company]]]
    office.call("res.user", "write", [1], values)
    office.remember_who_i_am()


def _employee(office: Office, company: int, name: str) -> int:
    return office.create("company.employee", party=office.create("party.party", name=name), company=company)


def _user(
    office: Office, company: int, login: str, name: str, password: str, groups: list[int], employee: int | None
) -> None:
    values: dict[str, Any] = {"name": name, "login": login, "password": password, "company": company}
    values["groups"] = [["add", groups]]
    if office.has("res.user", "companies"):
        values["companies"] = [["add", [company]]]
    if employee is not None:
        values |= {"employees": [["add", [employee]]], "employee": employee}
    office.create("res.user", **values)
