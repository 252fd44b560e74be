"""The JSON Schema (draft 2020-12) of the rule file: what editors offer, explain and mark while it is written.

It knows the keys and the kind of each value. What depends on the rest of the file (names of queues, classes, schedules,
what an expression asks for) only the loader judges.
"""

from cti_bridge.domain.decision import CrmSource
from cti_bridge.routing.expected import DECISIONS
from cti_bridge.routing.finals import PATTERN
from cti_bridge.routing.given import GIVEN_FACTS, MAX_GIVEN_DEALS
from cti_bridge.routing.outputs import MAX_OPERATOR_TIMEOUT_S, MAX_PRIORITY, MAX_STEPS
from cti_bridge.routing.read_tests import MAX_NAME
from cti_bridge.routing.rule_degraded import DEGRADED_KEYS
from cti_bridge.routing.rule_tests import GivenCrm
from cti_bridge.routing.rules import Ambiguous
from cti_bridge.routing.schedules import MAX_EXCEPTIONS, MAX_NOTE, MAX_SCHEDULES
from cti_bridge.routing.schema_operator import operator_wishes
from cti_bridge.routing.schema_parts import (
    Schema,
    by_name,
    choice,
    duration,
    fact_test,
    fact_value,
    integer,
    items,
    name,
    one_or_more,
    queue,
    table,
    text,
)
from cti_bridge.routing.schema_treatment import (
    expected_limits,
    expected_treatment,
    first_step,
    max_overtake,
    step_limits,
    treatment,
)
from cti_bridge.routing.vocabulary import DEAL_FIELDS, DEALS, FACTS, LINE_TEXTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def rule_file_schema() -> Schema:
    """The whole schema."""
    entries = {
        "version": {"description": "always 1", "const": 1},
        "region": text("country whose national numbers are meant, such as RU", pattern="^[A-Z]{2}$"),
        "timezone": text("IANA name of the time zone, such as Europe/Moscow"),
        "lines": by_name(_line(), text(), "what the numbers that callers dial stand for"),
        "classes": items(_class(), "kinds of calls; the first that holds is the call's class"),
        "schedules": by_name(_schedule(), name(), "when it is open, by name") | {"maxProperties": MAX_SCHEDULES},
        "queues": by_name(_queue(), queue(), "Asterisk's queues by name"),
        "rules": items({"$ref": "#/$defs/rule"}, "the first rule whose conditions hold decides"),
        "default": table(_ways(), "where calls go that no rule matched", required=["queue"]),
        "ambiguous": choice(tuple(Ambiguous), "one number that belongs to several customers"),
        "trusted_trunks": items(text(), "trunks whose caller numbers cannot be forged"),
        "degraded": _degraded(),
        "patience": duration("how long the steps of a rule may take together, else 10m; 0: as long as they like"),
        "max_overtake": max_overtake(),
        "tests": items(_test(), "calls, and what is to be decided; with a failing one the file never goes live"),
    }
    whole = table(entries, required=["version", "queues", "default"])
    tests = {f"test-{fact}": fact_test(fact) for fact in FACTS}
    return {
        "$schema": DIALECT,
        "title": "Rule file of cti-bridge",
        **whole,
        "$defs": {"rule": _rule(), "when": _when(), **tests},
    }


def _line() -> Schema:
    return table({key: text() for key in LINE_TEXTS}) | {"minProperties": 1}


def _class() -> Schema:
    return table({"name": name(), "when": {"$ref": "#/$defs/when"}}, required=["name"])


def _queue() -> Schema:
    limit = duration("how long a caller waits here before the next step; 0 or nothing: without a limit")
    return {"anyOf": [table({"timeout": limit}), {"type": "null"}]}


def _schedule() -> Schema:
    exception = table(
        {
            "date": text("a single day, such as 2026-12-31"),
            "from": text("first day, such as 2026-12-28"),
            "to": text("last day"),
            "hours": text("hours of these days, such as 10:00-15:00, or `off`"),
            "note": text("why, for explain", maxLength=MAX_NOTE),
        },
        required=["hours"],
    )
    return table(
        {
            "hours": text("OpenStreetMap opening hours, such as `Mo-Fr 09:00-20:00; PH off`"),
            "country": text("country whose holidays `PH` means, such as RU", pattern="^[A-Z]{2}$"),
            "timezone": text("IANA name; else the zone of the file"),
            "exceptions": items(exception, "other hours on single days", most=MAX_EXCEPTIONS),
        },
        required=["hours"],
    )


def _openings() -> dict[str, Schema]:
    return {
        "open": one_or_more(name(), "holds while all these schedules are open"),
        "unless_open": one_or_more(name(), "holds while none of these schedules is open"),
    }


def _step() -> Schema:
    return {"anyOf": [queue(), table({**step_limits(), **_openings()}, required=["queue"])]}


def _ways() -> dict[str, Schema]:
    return {
        "queue": first_step(),
        "then": items(_step(), "the next steps, when nobody answered in time", most=MAX_STEPS - 1),
        "final": text("what follows the last step", pattern=PATTERN),
        "priority": integer(0, MAX_PRIORITY, "higher is served first"),
        **treatment(),
    }


def _rule() -> Schema:
    return table(
        {
            "name": name("unique among its neighbours"),
            "when": {"$ref": "#/$defs/when"},
            **_openings(),
            "verified_number": choice(["required"], "holds when the caller's number cannot be forged"),
            **_ways(),
            "operator": operator_wishes(),
            "operator_timeout": duration(f"for how long he is rung, 1 to {MAX_OPERATOR_TIMEOUT_S} s"),
            "degraded": _rule_degraded(),
            "rules": items({"$ref": "#/$defs/rule"}, "rules inside this one"),
        },
        required=["name"],
    )


def _when() -> Schema:
    maps = table({fact: {"$ref": f"#/$defs/test-{fact}"} for fact in FACTS}) | {"minProperties": 1}
    return {
        "description": "a map of facts that all must hold, or an expression in CEL",
        "anyOf": [{"type": ["string", "boolean"]}, maps],
    }


def _degraded() -> Schema:
    return table(
        {
            "deadline": duration("how long a caller waits for the CRM, up to 900ms"),
            "cache": duration("a kept answer that is not older is used instead"),
            "queue": queue("where a call goes when no rule matches without the CRM"),
            "by_did": by_name(queue(), text(), "the same by the number dialled", least=0),
        },
        "what happens when the CRM does not answer",
    )


def _rule_degraded() -> Schema:
    cache = duration("an answer of the CRM that was kept for longer does not count for this rule")
    ways = {key: way for key, way in _ways().items() if key in DEGRADED_KEYS}
    own = {"anyOf": [queue(), table({**ways, "cache": cache}) | {"minProperties": 1}]}
    return own | {"description": "where its callers go while the CRM cannot say who they are"}


def _test() -> Schema:
    deal = table({key: fact_value(f"deal.{key}") for key in DEAL_FIELDS}, required=["stage"])
    given = {
        "caller": text("the caller's number, or `anonymous`; else somebody from outside"),
        "did": text("the number dialled"),
        "trunk": text("the trunk that the call arrives on"),
        "at": text("when, in the time zone of the file, such as 2026-11-23 11:00"),
        "crm": choice(tuple(GivenCrm), "how the CRM answers; else `answer`"),
        "crm_age": duration("how old the kept answer is, with `crm: stale`"),
        **{fact: fact_value(fact) for fact in GIVEN_FACTS},
        DEALS: items(deal, "all deals, where one does not say it", most=MAX_GIVEN_DEALS),
    }
    step = {"anyOf": [queue(), table(expected_limits(), required=["queue"])]}
    expect = {
        "queue": queue("the first step"),
        "steps": items(step, "all steps, by queue or with their time-outs", most=MAX_STEPS),
        "final": text("what follows the last step", pattern=PATTERN),
        "class": text('the class; "" for none'),
        "rule": text("the path of the rule, `default` or `degraded`"),
        "decision": choice(DECISIONS),
        "crm": choice(tuple(CrmSource)),
        "operator": text('who is rung first: CRM user if responsible, else id of the operator; "" for nobody'),
        "priority": {"description": '"" for none', "anyOf": [integer(0, MAX_PRIORITY), {"const": ""}]},
        **expected_treatment(),
    }
    return table(
        {
            "name": text("what this test is about", maxLength=MAX_NAME),
            "given": table(given, "the call; what is not given is absent"),
            "expect": table(expect, "what is to be decided") | {"minProperties": 1},
        },
        required=["name", "expect"],
    )
