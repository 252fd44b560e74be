"""`cti-bridge explain`: what the rules do with a call, and why: with a caller now, a call made up, one of the past."""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.cli import schedules
from cti_bridge.cli.caller_history import first_rung_section, history_of_caller
from cti_bridge.cli.explained import Told, of_test, of_the_day, print_told
from cti_bridge.cli.given_call import GivenUnusable, given_by_hand, test_called
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm_opening import crm_of, stages_now
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import SHIPPED_STAGES, StageList
from cti_bridge.domain.decision import CrmAnswer
from cti_bridge.domain.number import CallerNumber, parse_number
from cti_bridge.reception.rule_file import RulesUnreadable, read_rules
from cti_bridge.routing.decide import decide
from cti_bridge.routing.explain import explain_call
from cti_bridge.routing.facts import CallFacts, Gathered, gather
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.rule_tests import Given, GivenCrm
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.run_tests import given_call
from cti_bridge.settings import DEFAULT_PATH, Settings, SettingsError, load_settings

_PATIENCE_S = 2.0
"""How long a person at a terminal waits for the CRM: longer than a caller would."""
_OF_A_CALL = ("caller", "did", "trunk", "attestation", "name", "at", "crm", "given")


class _Refused(Exception):
    """It cannot be answered; the lines say why."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class _NoAnswer(Exception):
    """There is nothing to explain; the message is one line."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `explain`."""
    explain = commands.add_parser(
        "explain",
        help="what the rules do with a call, and why",
        description="Decides a call and says why: of --caller as the CRM knows him now, of a call that --given or"
        " --test makes up, or of a --call of the past. No real call is touched.",
    )
    add = explain.add_argument
    add("--caller", metavar="NUMBER", help="the caller's number, or `anonymous`")
    add("--did", metavar="NUMBER", help="the number that was dialled")
    add("--trunk", metavar="NAME", help="the trunk that the call arrives on")
    add("--attestation", choices=("A", "B", "C"), help="how far the network vouches for the caller's number")
    add("--name", metavar="TEXT", help="the name that the network sends")
    add("--at", metavar="TIME", help="when the call arrives, such as `2026-12-31 18:00`; else now")
    add("--given", metavar="FACT=VALUE", action="append", default=[], help="a fact, as in tests; the CRM is not asked")
    add("--crm", choices=[*GivenCrm], help="how the CRM takes part, as in tests; it is not asked")
    add("--test", metavar="NAME", help="the call of a test of the rule file, or of the file of tests beside it")
    add("--call", metavar="ID", help="a call of the past, under the rules of that day")
    add("--rules", metavar="FILE", type=Path, help="other rules than those of the settings or the day")
    add("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    add("--json", action="store_true", help="JSON on stdout, nothing else")
    explain.set_defaults(func=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    made_up = bool(arguments.given or arguments.crm)
    try:
        _one_call(arguments, made_up=made_up)
        told = _call(arguments) if arguments.call is not None else _no_real_call(arguments, made_up=made_up)
    except SettingsError as error:
        return _refuse(error.problems)
    except (_Refused, GivenUnusable) as error:
        return _refuse(error.lines)
    except (RulesUnreadable, DatabaseUnusable) as error:
        return _refuse([str(error)])
    except _NoAnswer as error:
        _refuse([f"cti-bridge: {error}"])
        return 1
    print_told(told, as_json=arguments.json)
    return 0


def _one_call(arguments: argparse.Namespace, *, made_up: bool) -> None:
    """Raises where the arguments name no call, or more than one."""
    alone = next((name for name in ("call", "test") if getattr(arguments, name) is not None), None)
    beside = [name for name in _OF_A_CALL if getattr(arguments, name)]
    if alone == "call" and arguments.test is not None:
        beside.append("test")
    if alone and beside:
        raise _Refused(f"cti-bridge: --{alone} has all of the call with it: --{beside[0]} does not go with it")
    if not (alone or made_up or arguments.caller is not None):
        raise _Refused("cti-bridge: name the call: --caller, --given, --test or --call")


def _no_real_call(arguments: argparse.Namespace, *, made_up: bool) -> Told:
    settings = _settings(arguments, needed=not made_up and arguments.test is None)
    path = arguments.rules or (settings.rules if settings else Path())
    stages = settings.crm.stages_unasked if settings else SHIPPED_STAGES
    rules = _loaded(read_rules(path), path, stages)
    if arguments.test is not None:
        test = test_called(arguments.test, path, rules, stages)
        return of_test(test, _given(test.given, rules, stages))
    if made_up:
        return _given(given_by_hand(arguments, rules, stages), rules, stages)
    assert settings is not None
    return _caller(settings, rules, arguments)


def _given(given: Given, rules: RuleSet, stages: StageList) -> Told:
    began = time.perf_counter()
    return _decided(rules, given_call(given, rules, stages), began)


def _settings(arguments: argparse.Namespace, *, needed: bool) -> Settings | None:
    """The settings; a rule file that is named needs none where there are none, if the CRM is not asked."""
    if not needed and arguments.rules is not None and arguments.config == DEFAULT_PATH and not DEFAULT_PATH.exists():
        return None
    return load_settings(arguments.config)


def _caller(settings: Settings, rules: RuleSet, arguments: argparse.Namespace) -> Told:
    caller = settings.pbx.staff.seen(parse_number(arguments.caller, region=settings.region))
    try:
        at = schedules.moment_of(arguments.at, rules)
    except ValueError as error:
        raise _Refused(str(error)) from None
    call = CallFacts(
        caller=caller,
        did=arguments.did or "",
        trunk=arguments.trunk or "",
        attestation=arguments.attestation or "",
        name=arguments.name or "",
        at=at,
    )
    answer, stages = asyncio.run(_ask(settings, caller))
    history = history_of_caller(settings, rules, caller, at)
    began = time.perf_counter()
    return _decided(rules, gather(call, answer, rules, stages, history), began, answer)


def _decided(rules: RuleSet, gathered: Gathered, began: float, answer: CrmAnswer | None = None) -> Told:
    decision, trace = decide(rules, gathered)
    took_ms = {"crm": answer.took_ms} if answer else {}
    return Told(
        explained=(rules, gathered, decision, trace),
        took_ms={**took_ms, "rules": (time.perf_counter() - began) * 1000},
        crm_age_s=answer.age_s if answer else None,
        crm_error=answer.error if answer else "",
    )


def _call(arguments: argparse.Namespace) -> Told:
    settings = load_settings(arguments.config)
    journal = JournalFile(settings.data_dir / "calls.sqlite")
    record = journal.call(arguments.call)
    decision = _decision(record, arguments.call)
    text, named = _rules_for(decision, arguments.rules, journal, settings)
    try:
        explained = explain_call(decision.facts, text)
    except RulesError as error:
        raise _Refused(*(problem.format(named) for problem in error.problems)) from None
    except ValueError as error:
        raise _Refused(f"{arguments.call}: {error}") from None
    assert record is not None
    return of_the_day(record, decision, explained, named, *first_rung_section(decision, explained[0]))


def _decision(record: CallRecord | None, call: str) -> DecisionRecord:
    """What was decided of this call, with the facts that it needs to be computed again."""
    if record is None:
        raise _NoAnswer(f"{call}: no such call in the journal")
    if record.decision is None:
        alone = "the dialplan decided this call alone"
        raise _NoAnswer(f"{call}: {alone if record.decided_by else 'an operator made this call, nothing was decided'}")
    if "call.crm" not in record.decision.facts:
        raise _Refused(f"{call}: the facts of this call are not kept any more")
    return record.decision


def _rules_for(
    decision: DecisionRecord, other: Path | None, journal: JournalFile, settings: Settings
) -> tuple[str, str]:
    """The text of the rules to compute by, and how to call them."""
    if other is not None:
        others = read_rules(other)
        _loaded(others, other, settings.crm.stages_unasked)  # a stage that is misspelled would never hold
        return others, str(other)
    short = decision.rules_hash[:12]
    text = journal.rules(decision.rules_hash)
    if text is not None:
        return text, f"rules {short} of that day"
    what = f"the rules {short} of that day are not kept any more; explained by the present ones, {settings.rules}"
    print(f"cti-bridge: {printable(what)}", file=sys.stderr)
    return read_rules(settings.rules), str(settings.rules)


def _loaded(text: str, path: Path, stages: StageList) -> RuleSet:
    try:
        return load_rules(text, stages=stages)
    except RulesError as error:
        raise _Refused(*(problem.format(str(path)) for problem in error.problems)) from None


async def _ask(settings: Settings, caller: CallerNumber) -> tuple[CrmAnswer, StageList]:
    """What the CRM says about this number, and its stages; a CRM that cannot be asked is an answer, too."""
    crm = crm_of(settings)
    lookup = Lookup(crm, deadline_s=_PATIENCE_S, stage_words=settings.crm.stage_words)
    try:
        answer = await lookup.find(caller)
        stages = await asyncio.wait_for(stages_now(settings, crm), _PATIENCE_S)
    except (CrmUnavailable, CrmRefuses, TimeoutError):
        stages = settings.crm.stages_unasked
    finally:
        await lookup.close()
        await crm.close()
    return answer, stages


def _refuse(lines: Iterable[str]) -> int:
    for line in lines:
        print(printable(line), file=sys.stderr)
    return 2
