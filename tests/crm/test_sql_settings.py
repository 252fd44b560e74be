"""What the settings may say of an SQL database, and what is a mistake before anything is asked."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML
from sql_people import NoLinks

from cti_bridge.crm.port import Capability
from cti_bridge.crm.sql.settings import SETTINGS_EXAMPLE, SqlModel, opened
from cti_bridge.crm.sql.words import Purpose
from cti_bridge.settings_model import Misfit

LEAST: dict[str, Any] = {
    "engine": "postgresql",
    "database": "crm",
    "user": "cti_bridge",
    "secret_file": "crm.secret",
    "queries": {"find": "SELECT id AS customer_id, name FROM customers WHERE number = :e164"},
}


def model(**changes: Any) -> SqlModel:
    return SqlModel.model_validate({**LEAST, **changes})


def queries(**changes: Any) -> SqlModel:
    return model(queries={**LEAST["queries"], **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"host": "10.0.0.5"}, "elsewhere than on loopback needs tls: true"),
        ({"secret_file": None}, "secret_file or secret is missing"),
        ({"timezone": "Moskau"}, "not a time zone"),
        ({"timezone": "../../etc/passwd"}, "not a time zone"),
        ({"timeout": "1m"}, "must be from 100ms to 10s"),
        ({"engine": "oracle"}, "postgresql"),
        ({"connections": 0}, "greater than or equal to 1"),
        ({"queries": {}}, "find"),
        ({"database": "crm\nx"}, "match pattern"),
    ],
)
def test_a_mistake_is_named(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        model(**changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"notes": "SELECT at, text FROM notes WHERE customer_id = :customer"}, "notes: line 1 of it: there is no"),
        ({"create": ["SELECT 1", "SELECT 'x"]}, "create: line 1 of it: a string"),
        ({"update": []}, "update: 1 to 10 statements"),
        ({"stages": "SELECT 1; SELECT 2"}, "stages: line 1 of it: it is more than one"),
        ({"report": "SELECT :wer"}, r"[^_]report: line 1 of it: there is no parameter :wer"),
        ({"anrufe": "SELECT 1"}, "anrufe"),
    ],
)
def test_a_mistake_in_a_query_is_named_with_the_query(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        queries(**changes)


def test_a_socket_needs_neither_password_nor_encryption() -> None:
    assert model(secret_file=None, socket="/run/postgresql").socket == Path("/run/postgresql")


def test_report_is_for_each_moment_that_has_no_query_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "crm.secret").write_text("geheim\n")
    both = queries(report="SELECT :key", report_ended="SELECT :id")
    texts = both.queries.texts()
    assert {purpose: text for purpose, text in texts.items() if purpose is not Purpose.FIND} == {
        Purpose.REPORT_STARTED: ("report", ("SELECT :key",)),
        Purpose.REPORT_ANSWERED: ("report", ("SELECT :key",)),
        Purpose.REPORT_ENDED: ("report_ended", ("SELECT :id",)),
        Purpose.REPORT_UPDATED: ("report", ("SELECT :key",)),
    }


def test_what_can_be_done_follows_from_the_queries(tmp_path: Path) -> None:
    (tmp_path / "crm.secret").write_text("geheim\n")

    def capabilities(of: SqlModel) -> frozenset[Capability]:
        crm = opened(of, region="RU", stages=None, folder=tmp_path, data_dir=tmp_path, links=NoLinks())
        return crm.capabilities

    assert capabilities(model()) == {Capability.DEALS, Capability.RESPONSIBLE}
    more = queries(add_note="SELECT :text", report="SELECT :key").model_copy(update={"report_strangers": True})
    assert capabilities(more) == {
        *(Capability.DEALS, Capability.RESPONSIBLE, Capability.ADD_NOTE, Capability.REPORT_STRANGERS),
        *(Capability.REPORT_STARTED, Capability.REPORT_ANSWERED, Capability.REPORT_ENDED, Capability.REPORT_UPDATED),
    }


def test_a_password_that_the_driver_cannot_say_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "crm.secret").write_text("тайна\n", "utf-8")
    with pytest.raises(Misfit, match="ASCII"):
        opened(model(engine="mysql"), region="RU", stages=None, folder=tmp_path, data_dir=tmp_path, links=NoLinks())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misfit, match=r"crm\.secret"):
        opened(model(), region="RU", stages=None, folder=tmp_path, data_dir=tmp_path, links=NoLinks())


def test_the_password_is_not_in_what_a_settings_object_shows() -> None:
    assert "geheim" not in repr(model(secret_file=None, secret="geheim"))


def test_the_example_can_be_read_as_it_stands() -> None:
    assert SqlModel.model_validate(YAML(typ="safe").load(SETTINGS_EXAMPLE)["crm"]).queries.texts().keys() == {"find"}
