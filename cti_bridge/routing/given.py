"""Reads what a test gives: the call, how the CRM answers, and single facts by name."""

import zoneinfo
from collections.abc import Mapping
from datetime import datetime

from cti_bridge.domain.decision import FactValue
from cti_bridge.domain.number import CallerNumber, NumberKind, parse_number
from cti_bridge.routing.document import Node, Scalar, Table
from cti_bridge.routing.moment import read_moment
from cti_bridge.routing.problems import Problems, quoted, suggestion
from cti_bridge.routing.rule_tests import Given, GivenCrm
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.scalars import Fields, read_choice, read_items, read_milliseconds, read_text
from cti_bridge.routing.vocabulary import CLASS, DEAL_FIELDS, DEALS, FACTS, HISTORY_FACTS, LAST_OPERATOR, LINE_FACTS
from cti_bridge.routing.when import WhenReader

GIVEN_KEYS = ("caller", "did", "trunk", "at", "crm", "crm_age")
FOLLOWS: Mapping[str, str] = {
    "call.caller": "write `caller`",
    "call.did": "write `did`",
    "call.trunk": "write `trunk`",
    "call.crm": "write `crm`",
    "call.kind": "it follows from `caller`",
    CLASS: "it follows from the facts; `expect` can ask for it",
    **{f"line.{name}": "it follows from `did` and `lines`" for name in LINE_FACTS},
}
"""Facts that a test cannot give, and what to do instead."""
GIVEN_FACTS = tuple(name for name in FACTS if name not in FOLLOWS)
"""Facts that a test can give; `deals` is a list of deals."""
MAX_GIVEN_DEALS = 50


class GivenReader:
    """Reads `given` of each test; `when` knows the values that a fact can have under these rules."""

    def __init__(self, rules: RuleSet, when: WhenReader, problems: Problems) -> None:
        self._rules = rules
        self._when = when
        self._problems = problems

    def read(self, node: Node) -> Given:
        """What one test gives; contradictions are mistakes, too."""
        if not isinstance(node, Table):
            self._problems.add(node, "`given` must be a mapping of keys and facts to values")
            return Given()
        plain = {key.text: value for key, value in node.entries if key.text in GIVEN_KEYS}
        told = {key.text: key for key, _ in node.entries}
        facts: dict[str, FactValue] = {}
        deals: tuple[Mapping[str, FactValue], ...] = ()
        for key, value in node.entries:
            if key.text == DEALS:
                deals = self._deals(value)
            elif key.text not in GIVEN_KEYS and (fact := self._fact(key, value)) is not None:
                facts[key.text] = fact
        if not deals and (deal := {name: facts[f"deal.{name}"] for name in DEAL_FIELDS if f"deal.{name}" in facts}):
            deals = (deal,)
        given = Given(
            caller=self._caller(plain["caller"]) if "caller" in plain else None,
            did=self._text(plain, "did"),
            trunk=self._text(plain, "trunk"),
            at=self._at(plain["at"]) if "at" in plain else None,
            crm=self._crm(plain["crm"]) if "crm" in plain else GivenCrm.ANSWER,
            crm_age_s=self._crm_age(plain) if "crm_age" in plain else None,
            facts=facts,
            deals=deals,
        )
        self._contradictions(given, told)
        return given

    def _fact(self, key: Scalar, value: Node) -> FactValue:
        if key.text not in FACTS:
            hint = suggestion(key.text, (*GIVEN_KEYS, *GIVEN_FACTS), "see docs/rules-reference.md")
            self._problems.add(key, f"unknown fact {quoted(key.text)}", hint)
        elif key.text in FOLLOWS:
            self._problems.add(key, f"{quoted(key.text)} cannot be given", FOLLOWS[key.text])
        elif not isinstance(value, Scalar):
            self._problems.add(value, f"{key.text} has one value here")
        elif value.is_null:
            self._problems.add(value, f"{key.text} has no value", "what is not given is absent: leave it out")
        else:
            return self._when.value(key.text, value)
        return None

    def _deals(self, node: Node) -> tuple[Mapping[str, FactValue], ...]:
        deals = []
        items = read_items(node, "`deals`", self._problems)
        if len(items) > MAX_GIVEN_DEALS:
            self._problems.add(node, f"{len(items)} deals, at most {MAX_GIVEN_DEALS} are looked at")
        for item in items:
            fields = Fields(item, "a deal", tuple(DEAL_FIELDS), self._problems)
            if not isinstance(item, Table):
                continue
            fields.required("stage")
            read = {name: self._deal_field(name, value) for name in DEAL_FIELDS if (value := fields.get(name))}
            deals.append({name: value for name, value in read.items() if value is not None})
        return tuple(deals)

    def _deal_field(self, name: str, node: Node) -> FactValue:
        if isinstance(node, Scalar) and not node.is_null:
            return self._when.value(f"deal.{name}", node)
        self._problems.add(node, f"`{name}` of a deal has one value")
        return None

    def _caller(self, node: Node) -> CallerNumber | None:
        text = read_text(node, "`caller`", self._problems)
        return None if text is None else parse_number(text, region=self._rules.region)

    def _text(self, plain: Mapping[str, Node], key: str) -> str:
        return (read_text(plain[key], f"`{key}`", self._problems) or "") if key in plain else ""

    def _crm(self, node: Node) -> GivenCrm:
        return GivenCrm(read_choice(node, "`crm`", tuple(GivenCrm), self._problems) or GivenCrm.ANSWER)

    def _crm_age(self, plain: Mapping[str, Node]) -> float | None:
        """How old the answer is that was kept; no older than the file lets one be."""
        node = plain["crm_age"]
        if not (isinstance(crm := plain.get("crm"), Scalar) and crm.text == GivenCrm.STALE):
            self._problems.add(node, "`crm_age` is the age of a kept answer", "write `crm: stale` beside it")
        age_ms = read_milliseconds(node, "`crm_age`", self._problems)
        if age_ms is None:
            return None
        if age_ms / 1000 > self._rules.degraded.cache_s:
            hint = "nothing so old is used: write `crm: down`"
            self._problems.add(node, "`crm_age` is more than `cache` of `degraded`", hint)
        return age_ms / 1000

    def _at(self, node: Node) -> datetime | None:
        text = read_text(node, "`at`", self._problems)
        try:
            return read_moment(text, zoneinfo.ZoneInfo(self._rules.timezone)) if text is not None else None
        except zoneinfo.ZoneInfoNotFoundError:
            return None  # `timezone` has been complained about
        except ValueError as error:
            self._problems.add(node, f"`at`: {error}")
            return None

    def _contradictions(self, given: Given, told: Mapping[str, Scalar]) -> None:
        self._history(given, told)
        of_the_crm = (name for name in told if name.startswith(("customer.", "deal.")) or name == DEALS)
        about = [name for name in of_the_crm if name != LAST_OPERATOR]
        known = [name for name in about if given.facts.get(name) is not False or not name.endswith(".known")]
        why = _nothing_known(given)
        if known and why:
            self._problems.add(told[known[0]], f"{known[0]} {why[0]}", why[1])
        deals = [name for name in known if not name.startswith("customer.")]
        for flag, names in (("customer.known", known), ("deal.known", deals)):
            if given.facts.get(flag) is False and names:
                self._problems.add(told[flag], f"{flag} is false, but {names[0]} is given")
        if DEALS in told and (single := next((name for name in deals if name.startswith("deal.")), None)):
            self._problems.add(told[single], f"{single} beside `deals`", "the deal is found among `deals`")

    def _history(self, given: Given, told: Mapping[str, Scalar]) -> None:
        """What the journal would say of the number: nothing where there is none."""
        if given.caller is None or given.caller.key is not None:
            return
        for name in HISTORY_FACTS:
            if name in told:
                message = f"{name} is never known of an {given.caller.kind.value} caller"
                self._problems.add(told[name], message, "the journal is asked about numbers from outside only")


def _nothing_known(given: Given) -> tuple[str, str] | None:
    """Why no customer can be known in this test, as the rest of a message and its hint; None when one can."""
    if given.caller is not None and given.caller.kind in {NumberKind.ANONYMOUS, NumberKind.INTERNAL}:
        return f"is never known of an {given.caller.kind.value} caller", "the CRM is not asked about him"
    if given.crm in {GivenCrm.DOWN, GivenCrm.SLOW}:
        return f"is unknown when `crm` is `{given.crm.value}`", "leave it out, or write `crm: stale`"
    if given.crm is GivenCrm.NONE:
        return "is absent when `crm` is `none`", "leave one of them out"
    return None
