"""Mistakes in the settings of the generic CRM are found when they are read, each at its place."""

from pathlib import Path

import pytest
from generic_page import settings_of, whole_example

from cti_bridge.cli.main import parser
from cti_bridge.settings import SettingsError

LEAST = """\
crm:
  kind: generic
  url: https://crm.example
  find:
    path: /who
    query: {phone: "{e164}"}
    customers: items
    customer: {id: id, name: name}
"""
ENDED = "    ended: {method: POST, path: /calls, body: {call: '{call}'}}\n"


def mistakes(block: str, folder: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_of(block, folder)
    return "\n".join(problem.partition("cti-bridge.yaml:")[2] for problem in caught.value.problems)


def test_the_least_and_the_most_are_good_settings(tmp_path: Path) -> None:
    assert settings_of(LEAST, tmp_path).crm.kind == "generic"
    assert settings_of(whole_example("https://crm.example"), tmp_path).crm.kind == "generic"


@pytest.mark.parametrize(
    ("instead_of", "written", "expected"),
    [
        ("{e164}", "{e146}", "7:13: `phone`: at character 1: unknown placeholder {e146} (did you mean {e164}?)"),
        ("{e164}", "1", "5:3: `find`: the request does not name the number: put {e164} into it"),
        ("{e164}", "{number}", "5:3: `find`: {number} and spellings belong together"),
        (
            "{e164}",
            "{national10}",
            "9:5: `customer`: a national number is somebody else's abroad: say here where his",
        ),
        ("/who", "/who/{customer_id}", "6:5: `path`: at character 6: unknown placeholder {customer_id}"),
        ("/who", "who", "6:5: `path`: must be a path such as /customers/{customer_id}"),
        ("/who", "/who?x=1", "6:5: `path`: must be a path such as /customers/{customer_id}"),
        ("/who", "/../who", "6:5: `path`: must be a path such as /customers/{customer_id}"),
        ("/who", "/кто", "6:5: `path`: must be a path such as /customers/{customer_id}"),
        ("customers: items", "customers: 'items['", "8:5: `customers`: at character 7: the JMESPath expression is not"),
        ("name: name", "name: 'joyn(@)'", "9:24: `name`: at character 1: unknown function joyn() (did you mean join()"),
        ("customers: items", "customers: 'items[?a=1]'", "8:5: `customers`: at character 9: '=' cannot stand there in"),
        ("name: name", "name: name, deal_ids: x", "9:36: `deal_ids`: {deal_ids} in deals and deal_ids in"),
        ("name: name", "name: name, phone: phones", "9:36: unknown key `phone` (there are `id`, `name`, `numbers`,"),
        ('{phone: "{e164}"}', "phone={e164}", "7:5: `query` must be keys with values"),
        ("name: name", "nmae: name", "9:24: unknown key `nmae` (did you mean `name`?)"),
        ("https://crm", "http://crm", "4:3: `url`: elsewhere than on loopback it must be https"),
        ("https://crm.example", "https://crm.example/?key=1", "4:3: `url`: no ? may be in it"),
    ],
)
def test_a_mistake_is_named_where_it_is(instead_of: str, written: str, expected: str, tmp_path: Path) -> None:
    assert LEAST.count(instead_of) == 1
    assert expected in mistakes(LEAST.replace(instead_of, written), tmp_path)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("  headers: {Authorization: geheim}\n", "put what lets us in under auth"),
        ("  headers:\n    X-A: b\n    X-Key: ё\n", "12:5: `X-Key`: X-Key: a header can only have printable ASCII"),
        ("  headers: {'X Key': b}\n", "'X Key' is no name of a header"),
        ("  auth: {header: {name: Content-Length, secret_file: crm.secret}}\n", "Content-Length cannot be set"),
        ("  headers: {X-Key: 'a\\r\\nb: c'}\n".replace("'", '"'), "printable ASCII"),
        ("  headers: {Host: other.example}\n", "Host cannot be set"),
        ("  auth: {header: {name: X-Key}}\n", "secret_file or secret is missing"),
        ("  auth: {}\n", "give one of header, basic and oauth2"),
        ("  auth: {basic: {username: a, secret_file: crm.secret}, header: {secret_file: crm.secret}}\n", "give one of"),
        ("  auth: {basic: {username: a, secret: geheim}}\n", "a secret must not stand in this file"),
        (
            "  auth: {oauth2: {token_url: 'http://crm.example', client_id: a, secret_file: crm.secret}}\n",
            "elsewhere than on loopback it must be https",
        ),
        ("  auth: {header: {secret_file: not.there}}\n", "not.there"),
        ("  rate: {burst: 5, for_look_ups: 5}\n", "for_look_ups must be less than burst"),
        ("  timeout: 11s\n", "must be from 100ms to 10s"),
        ("  timezone: Europe/Atlantis\n", "not a time zone such as Europe/Moscow"),
        ("  time_format: DD.MM.YYYY\n", "not a format such as %d.%m.%Y %H:%M"),
        ("  time_format: '%H:%M'\n", "with day, month and year"),
        ("  time_format: '%'\n", "not a format such as"),
        ("  error: 'a..b'\n", "at character 3: '.' cannot stand there in JMESPath"),
        ("  error: ok == false\n", "10:3: `error`: at character 7: false is a field's name here"),
        ("  update:\n    method: PUT\n    path: /a\n    body:\n      a:\n        - {b: '{nmae}'}\n", "15:12: `b`: at"),
        ("  update: {method: PUT, path: /a, form: {a: x, b: '{nmae}'}}\n", "10:48: `b`: at character 1: unknown"),
        ("  check: {path: /up, body: {a: b}}\n", "a GET has neither body nor form: say method: POST"),
        ("  update: {method: PUT, path: /a, body: {a: b}, form: {a: b}}\n", "give body (JSON) or form, not both"),
        ("  update: {method: PUT, path: /a, body: {a: [{b: '{nmae}'}]}}\n", "unknown placeholder {nmae} (did you mean"),
        ("  values: {stagge: {a: b}}\n", "`stagge`: input should be 'stage'"),
        ("  report: {}\n", "tell it of one moment at least"),
        (f"  report:\n{ENDED}    words: {{outcom: {{a: b}}}}\n", "`outcom`: input should be"),
        (f"  report:\n{ENDED}    words: {{outcome: {{answred: Held}}}}\n", "12:23: `answred`: there is no such"),
        ("  report: {ended: {path: '/calls/{crm_call}'}}\n", "10:12: `ended`: {crm_call} in ended needs"),
        (f"  report:\n{ENDED}    updated: {{path: /calls, id: id}}\n", "id belongs to ended, where the call is made"),
        ("  report: {ended: {path: /calls, query: {url: '{recording_url}'}}}\n", "{recording_url} needs recordings"),
        ("  stages: [{id: a, name: A, order: 1}]\n  stage_list: {path: /s, stages: s, stage: {id: id}}\n", "listed in"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_a_mistake(more: str, expected: str, tmp_path: Path) -> None:
    assert expected in mistakes(LEAST + more, tmp_path)


def test_deals_come_from_one_place(tmp_path: Path) -> None:
    inside = LEAST + "    deals: deals\n    deal: {id: id, stage: stage}\n"
    settings_of(inside, tmp_path)
    own = "  deals: {path: '/c/{customer_id}/deals', deals: deals, deal: {id: id, stage: stage}}\n"
    assert "the deals are either in the answer of find or have a request" in mistakes(inside + own, tmp_path)
    assert "deals and deal belong together" in mistakes(LEAST + "    deals: deals\n", tmp_path)


def test_in_a_body_unquoted_numbers_and_truths_are_what_they_look_like(tmp_path: Path) -> None:
    body = '{a: 5, b: "5", c: true, d: "true", e: null, f: -0.5, g: [1, x], h: 007}'
    settings = settings_of(LEAST + f"  update: {{method: PUT, path: /a, body: {body}}}\n", tmp_path)
    model = settings.crm.model.model_dump()
    expected = {"a": 5, "b": "5", "c": True, "d": "true", "e": None, "f": -0.5, "g": [1, "x"], "h": "007"}
    assert model["update"]["body"] == expected
    assert [type(value) for value in model["update"]["body"].values()] == [type(value) for value in expected.values()]


@pytest.mark.parametrize(
    ("more", "secret", "expected"),
    [
        (
            "  auth: {header: {secret_file: crm.secret}}\n",
            "ключ",
            "10:10: the secret is sent in a header: only",
        ),
        ("  tls_ca: not-there.pem\n", "geheim", "not-there.pem: No such file or directory"),
    ],
)
def test_what_only_opening_the_crm_finds_is_found_by_check_and_not_by_the_daemon(
    more: str, secret: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where `stages` are in the settings and nothing has to be asked for."""
    settings_of(LEAST + more + "  stages: [{id: a, name: A, order: 1}]\n", tmp_path, secret=secret)
    asked = parser().parse_args(["check", "--offline", "--config", str(tmp_path / "cti-bridge.yaml")])
    assert asked.func(asked) == 1
    said = capsys.readouterr()
    assert expected in said.out + said.err
    assert secret not in said.out + said.err


def test_deals_that_this_crm_cannot_be_given_are_refused_by_check_at_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_of(LEAST + "  stages: [{id: a, name: A, order: 1}]\noperators: {create_deal: true}\n", tmp_path)
    rules = "version: 1\nregion: RU\ntimezone: Europe/Moscow\nqueues: {sales: {}}\ndefault: {queue: sales}\n"
    (tmp_path / "routing.yaml").write_text(rules)
    asked = parser().parse_args(["check", "--offline", "--config", str(tmp_path / "cti-bridge.yaml")])
    assert asked.func(asked) == 1
    expected = "11:13: `create_deal`: the bridge cannot make deals in this CRM (generic)"
    assert expected in capsys.readouterr().out
