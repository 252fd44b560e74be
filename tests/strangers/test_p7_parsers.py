"""P7 in everything that is parsed: any text is understood, or refused with words; nothing else happens, and soon."""

import csv
import io
import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hostile_texts import TEXTS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cti_bridge.asterisk.dialplan import safe
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.number import NumberKind, display_number, mask, parse_number
from cti_bridge.domain.operator import INTERFACE, OPERATOR_ID
from cti_bridge.operators.sessions import Sessions
from cti_bridge.operators.tickets import Tickets
from cti_bridge.routing.document import MAX_CHARACTERS
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError
from cti_bridge.settings import SettingsError, load_settings
from demo.callers import CallersRejected, CallersUnreadable, read_callers

pytestmark = pytest.mark.slow

SOON_S = 15.0
"""A file that takes longer to be refused has found something that grows without bound."""

texts = st.one_of(st.text(max_size=80), st.sampled_from(sorted(TEXTS.values())))
in_place = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

numbers = st.one_of(
    texts,
    st.from_regex(r"[+0-8 ()./-]{1,20}", fullmatch=True),
    st.from_regex(r"(\+7|8|7|)495000[0-9]{4}", fullmatch=True),
    st.from_regex(r"sips?:\+?7495000[0-9]{4}(;[a-z]{1,5}=[a-z]{0,5})?@[a-z.]{1,9}", fullmatch=True),
    st.from_regex(r"8 \(495\) 000-[0-9]{2}-[0-9]{2}( доб\. ?[0-9]{1,5}| ext [0-9]{1,5}|)", fullmatch=True),
)
regions = st.sampled_from(["RU", "KZ", "DE", "US"])


@given(numbers, regions)
def test_a_number_means_the_same_when_it_is_read_again(text: str, region: str) -> None:
    number = parse_number(text, region=region)
    again = parse_number(number.raw, region=region)
    assert (again.kind, again.e164, again.key) == (number.kind, number.e164, number.key)
    shown = display_number(number.e164 or number.raw)
    assert shown.isprintable()
    if number.kind is NumberKind.EXTERNAL:
        assert display_number(shown) == shown
        assert parse_number(shown, region=region).e164 == number.e164


@given(numbers, regions)
def test_a_masked_number_does_not_give_the_number_away(text: str, region: str) -> None:
    masked = mask(text)
    assert set(masked) <= set("+0123456789*") or masked == "anonymous"
    assert mask(masked) == masked or "*" in masked
    e164 = parse_number(text, region=region).e164
    assert e164 is None or len(e164) <= 6 or e164.lstrip("+") not in masked


words = st.sampled_from(
    """version region timezone classes queues rules default ambiguous trusted_trunks degraded lines name when queue then
    final priority operator operator_timeout timeout deadline cache by_did deal.stage class customer.city deals not min
    max prefix channel city language direction call.caller verified_number unless_open schedules tests sales 60s RU
    """.split()  # noqa: SIM905 - a list of strings would fill the page
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, words)


def trees(keys: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.one_of(keys, texts), inner, max_size=5)
        ),
        max_leaves=20,
    )


rule_trees = trees(words)
rule_files = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "queues": st.one_of(st.just({"sales": {"timeout": "60s"}}), rule_trees),
        "default": st.one_of(st.just({"queue": "sales"}), rule_trees),
    },
    optional={
        key: st.one_of(rule_trees, st.lists(rule_trees, max_size=2))
        for key in ("region", "timezone", "classes", "rules", "ambiguous", "trusted_trunks", "degraded", "lines")
    },
)


def refused(text: str) -> bool:
    """Whether these rules are refused, each problem in one line at its place, and soon."""
    began = time.monotonic()
    try:
        load_rules(text, stages=SHIPPED_STAGES)
    except RulesError as error:
        lines = text.splitlines() or [""]
        for problem in error.problems:
            assert 1 <= problem.line <= len(lines) + 1
            assert problem.column >= 1
            assert len(problem.format("f").splitlines()) == 1
            assert len(problem.message) < 500
        return True
    finally:
        assert time.monotonic() - began < SOON_S
    return False


@given(st.one_of(rule_trees, rule_files))
def test_any_tree_is_rules_or_has_problems_with_a_place(tree: object) -> None:
    refused(json.dumps(tree, ensure_ascii=False))


@given(texts)
def test_any_text_is_rules_or_has_problems_with_a_place(text: str) -> None:
    assert refused(text)


parts = st.one_of(
    texts,
    st.sampled_from(
        r"""customer.segment deal.amount has( deals.exists(d, d.amount ) && || == < 1 / "x" ! size( in [ ] ? : + - { } .
        matches( call.class ( "(a+)+$" duration( 99999999999999999999 1e999 null true string( int( "\u0000"
        """.split()  # noqa: SIM905
    ),
)


@example("0\x0b")
@given(st.lists(parts, max_size=12).map(" ".join))
def test_any_expression_is_a_condition_or_a_problem(expression: str) -> None:
    rule = {"name": "r", "queue": "sales", "when": expression}
    file = {"version": 1, "queues": {"sales": {}}, "default": {"queue": "sales"}, "rules": [rule]}
    refused(json.dumps(file, ensure_ascii=False))


GOOD = "version: 1\nqueues: {sales: {}}\ndefault: {queue: sales}\n"
BOMBS = {
    "laughs": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
    "itself": "a: &a [*a]\n",
    "merge": "a: &a {b: c}\nd: {<<: *a}\n",
    "an object": "a: !!python/object/apply:os.system ['id']\n",
    "a tag": "a: !x y\n",
    "a set": "? {a: b}\n",
    "depth": "a: " + "[" * 5_000 + "]" * 5_000,
    "depth by blanks": "".join(" " * level + "a:\n" for level in range(2_000)),
    "width": "a: [" + "x," * 100_000 + "]",
    "keys": GOOD + "lines: {" + ",".join(f"k{number}: {number}" for number in range(50_000)) + "}",
    "problems": "\n".join(f"k{number}: 1" for number in range(50_000)),
    "a long key": "x" * 900_000 + ": 1",
    "a long name": f"version: 1\nqueues: {{{'q' * 900_000}: {{}}}}\ndefault: {{queue: sales}}\n",
    "a long number": f"version: 1\nqueues: {{sales: {{timeout: {'9' * 100_000}}}}}\ndefault: {{queue: sales}}\n",
    "too large": "#" * (MAX_CHARACTERS + 1),
    "ten megabytes": "a: b\n" * 2_000_000,
    "documents": "---\na: b\n" * 50_000,
    "noughts": "\0" * 1_000,
    "quotes": '"' * 100_001,
    "an endless alternative": GOOD + f"rules: [{{name: r, queue: sales, when: '{'1 == 1 || ' * 20_000}true'}}]",
    "deep brackets": GOOD + f"rules: [{{name: r, queue: sales, when: '{'(' * 20_000}true{')' * 20_000}'}}]",
    "many negations": GOOD + f"rules: [{{name: r, queue: sales, when: '{'!' * 50_000}true'}}]",
    "deep not": GOOD + "rules: [{name: r, queue: sales, when: {deals: " + "{not: " * 25 + "1" + "}" * 25 + "}}]",
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in BOMBS.items() if name != "deep not"])
def test_a_bomb_in_the_rules_is_refused_soon(text: str) -> None:
    assert refused(text)


def test_conditions_may_be_nested_as_deep_as_the_file_may_be() -> None:
    assert not refused(BOMBS["deep not"])


setting_keys = st.sampled_from(
    """pbxes ami agi host port secret secret_file tls tls_ca allow name region crm kind path fresh stages id order final
    web public private origins cert_file key_file log format level data_dir rules username
    """.split()  # noqa: SIM905
)
setting_files = st.fixed_dictionaries(
    {"pbxes": st.one_of(trees(setting_keys), trees(setting_keys).map(lambda tree: [{"ami": tree}]))},
    optional={key: trees(setting_keys) for key in ("crm", "web", "log", "data_dir", "rules")},
)


@in_place
@given(st.one_of(setting_files.map(lambda tree: json.dumps(tree, ensure_ascii=False).encode("utf-8")), st.binary()))
def test_any_file_is_settings_or_has_problems(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "s.yaml"
    file.write_bytes(content)
    try:
        load_settings(file)
    except SettingsError as error:
        assert error.problems
        assert all(problem.startswith(str(file)) and len(problem.splitlines()) == 1 for problem in error.problems)


@in_place
@given(st.one_of(st.lists(st.lists(texts, max_size=5), max_size=5), st.binary()))
def test_any_file_is_callers_or_is_refused(tmp_path: Path, content: list[list[str]] | bytes) -> None:
    file = tmp_path / "callers.csv"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        lines = io.StringIO(newline="")
        csv.writer(lines).writerows([["caller", "name", "did", "expect_queue"], *content])
        file.write_text(lines.getvalue(), "utf-8", newline="")
    with suppress(CallersRejected, CallersUnreadable):
        for caller in read_callers(file):
            assert caller.number.lstrip("+").isdecimal() or caller.anonymous
            assert caller.name.isprintable()


@given(st.lists(texts, max_size=8), st.text(max_size=60))
def test_only_a_ticket_that_was_given_out_is_one(tried: list[str], operator: str) -> None:
    tickets = Tickets(clock=lambda: 0.0)
    good = tickets.issue(operator)  # type: ignore[arg-type]
    assert [tickets.redeem(text) for text in tried if text != good] == [None] * len(tried)
    assert (tickets.redeem(good), tickets.redeem(good)) == (operator, None)


interfaces = st.from_regex(INTERFACE, fullmatch=True) | st.from_regex(INTERFACE) | texts


@given(st.one_of(texts, st.from_regex(OPERATOR_ID)), st.lists(interfaces, min_size=1, max_size=3))
def test_what_may_be_an_operators_id_or_phone_is_safe_in_a_dial_string_and_in_ami(id_: str, phones: list[str]) -> None:
    names = [id_] if OPERATOR_ID.fullmatch(id_) else []
    names += [phone for phone in phones if INTERFACE.fullmatch(phone)]
    for name in names:
        assert safe(name) == name
        assert "&" not in name
        assert name.isprintable()


@given(texts)
def test_no_text_is_a_session_that_was_never_begun(text: str) -> None:
    assert Sessions().use(text, 0.0) is None
