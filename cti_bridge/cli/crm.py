"""`cti-bridge crm import | lookup | check | init`: fill the embedded CRM, ask the CRM, begin with another."""

import argparse
import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from cti_bridge.cli import crm_import
from cti_bridge.cli.crm_asking import ask
from cti_bridge.cli.crm_check import Listed, run_check
from cti_bridge.cli.crm_import import complain
from cti_bridge.cli.crm_stages import run_stages
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.kinds import EMBEDDED, KINDS
from cti_bridge.crm.port import Crm, CrmRefuses
from cti_bridge.crm.stage_words import in_our_words
from cti_bridge.crm_opening import crm_of, stages_now
from cti_bridge.crm_watch import NEARBY
from cti_bridge.domain.customer import CustomerRecord, StageList
from cti_bridge.domain.number import CallerNumber, display_number, parse_number
from cti_bridge.settings import DEFAULT_PATH, Settings, SettingsError, load_settings

_LIMIT_S = 5.0
"""A command has more patience than a call, but not without end."""
_MOST_REPEATS = 200
_REPEATED_S = 2.0
_FEW_REPEATS, _APART_S = 5, 1.0
"""For a CRM that counts every question against a limit, which the daemon needs at the same time."""
_TIMING_LIMIT_S = 30.0
"""A CRM that is slow, or wants to be asked slowly, is asked less often."""
_NOBODYS = "+74950000000"
"""A number that could be anybody's and is nobody's, to be looked up where no other is named."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `crm` and what belongs to it to the command line."""
    group = commands.add_parser("crm", help="the customers: import, look up, check")
    crm = group.add_subparsers(dest="crm_command", required=True, metavar="COMMAND")
    imports = crm_import.register(crm)
    imports.set_defaults(func=_import)
    lookup = crm.add_parser("lookup", help="who has this number?")
    lookup.add_argument("number", metavar="N")
    lookup.add_argument("--timing", action="store_true", help="say how long it takes, first and repeated")
    lookup.add_argument("--json", action="store_true", help="print one JSON object")
    lookup.set_defaults(func=_lookup)
    check = crm.add_parser("check", help="can the CRM be asked, and what can it do?")
    check.add_argument("number", metavar="N", nargs="?", help="of a customer, whose deals, notes and calls are read")
    check.add_argument("--stages", action="store_true", help="print its own stages, as `crm.stages` of the settings")
    check.set_defaults(func=_check)
    init = crm.add_parser("init", help="a commented block for the settings")
    init.add_argument("kind", metavar="KIND", choices=tuple(KINDS), help=", ".join(KINDS))
    init.set_defaults(func=_init)
    for parser in (imports, lookup, check):
        parser.add_argument("--config", type=Path, default=DEFAULT_PATH, metavar="FILE")


def run_lookup(
    crm: Crm, number: CallerNumber, settings: Settings, *, timing: bool = False, as_json: bool = False
) -> int:
    """Print who has this number. 0: somebody, 1: nobody (or a number that is not asked for), 2: no answer."""

    async def question() -> tuple[tuple[CustomerRecord, ...], StageList, list[float]]:
        times: list[float] = []
        records: tuple[CustomerRecord, ...] = ()
        most = _MOST_REPEATS if crm.kind in NEARBY else _FEW_REPEATS
        while not times or (timing and len(times) <= most and (len(times) < 2 or sum(times) < _REPEATED_S)):
            if times and crm.kind not in NEARBY:
                await asyncio.sleep(_APART_S)
            started = perf_counter()
            records = await crm.find(number)
            times.append(perf_counter() - started)
        named = in_our_words(records, settings.crm.stage_words)
        return named, await _stages(settings, crm), [took * 1000 for took in times]

    answer = ask(crm, question, within_s=_TIMING_LIMIT_S if timing else _LIMIT_S)
    if answer is None:
        return 2
    records, stages, times = answer
    figures = _figures(times) if timing else {}
    if as_json:
        found = {"number": number.e164 or number.raw, "kind": number.kind, "customers": [_plain(r) for r in records]}
        print(json.dumps(found | figures, ensure_ascii=True))
    else:
        for line in _card(number, records, stages):
            print(printable(line))
        if figures:
            of = f"median of {figures['repeated']}, 99 in 100 within {figures['repeated_p99_ms']} ms"
            print(f"first look-up {figures['first_ms']} ms, repeated {figures['repeated_p50_ms']} ms ({of})")
    return 0 if records else 1


async def _stages(settings: Settings, crm: Crm) -> StageList:
    """Its stages by name; deals of a CRM that names none are shown with their stage as it is."""
    try:
        return await stages_now(settings, crm)
    except CrmRefuses:
        return StageList(())


def _figures(times: list[float]) -> dict[str, float]:
    repeated = sorted(times[1:])
    return {
        "first_ms": round(times[0], 3),
        "repeated": len(repeated),
        "repeated_p50_ms": round(repeated[len(repeated) // 2], 3),
        "repeated_p99_ms": round(repeated[min(len(repeated) * 99 // 100, len(repeated) - 1)], 3),
    }


def _import(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments.config)
    if settings is None:
        return 2
    if settings.crm.kind != EMBEDDED:
        complain(f"only the embedded CRM is filled by this command; the settings name `{settings.crm.kind}`")
        return 2
    return crm_import.run_import(crm_import.wishes(arguments), settings)


def _lookup(arguments: argparse.Namespace) -> int:
    opened = _opened(arguments)
    if opened is None:
        return 2
    settings, number, crm = opened
    return run_lookup(crm, number, settings, timing=arguments.timing, as_json=arguments.json)


def _check(arguments: argparse.Namespace) -> int:
    opened = _opened(arguments, with_own_stages=arguments.stages)
    if opened is None:
        return 2
    settings, number, crm = opened
    if arguments.stages:
        return run_stages(crm)
    own = crm_of(settings, with_own_stages=True) if settings.crm.stages else None
    listed = Listed(settings.crm.stages_in_crm, own) if settings.crm.stages_in_crm and own else None
    return run_check(crm, number, somebodys=arguments.number is not None, listed=listed)


def _init(arguments: argparse.Namespace) -> int:
    print(KINDS[arguments.kind].example, end="")
    return 0


def _opened(
    arguments: argparse.Namespace, *, with_own_stages: bool = False
) -> tuple[Settings, CallerNumber, Crm] | None:
    """The CRM of the settings, and the number that is asked for as the daemon reads it."""
    settings = _settings(arguments.config)
    if settings is None:
        return None
    number = settings.pbx.staff.seen(parse_number(arguments.number or _NOBODYS, region=settings.region))
    try:
        return settings, number, crm_of(settings, with_own_stages=with_own_stages)
    except SettingsError as error:
        for problem in error.problems:
            complain(problem)
        return None


def _settings(path: Path) -> Settings | None:
    try:
        return load_settings(path)
    except SettingsError as error:
        for problem in error.problems:
            complain(problem)
        return None


def _card(number: CallerNumber, records: tuple[CustomerRecord, ...], stages: StageList) -> Iterator[str]:
    yield f"{display_number(number.e164) or number.raw} ({number.kind})"
    if not records:
        yield "nobody has this number" if number.key else "such a number is never looked up"
    for record in records:
        customer = record.customer
        details = (customer.id, customer.city, customer.segment, customer.responsible)
        yield f"{customer.name}  {' · '.join(detail for detail in details if detail)}"
        for deal in record.deals:
            stage = stages.get(deal.stage)
            amount = f"  {deal.amount}" if deal.amount is not None else ""
            strange = " (not in the list of stages: counts as closed)" if stages.stages else ""
            named = stage.name if stage else (deal.stage or "-") + strange
            yield f"  {deal.id}  {deal.title}  {named}{amount}"


def _plain(record: CustomerRecord) -> dict[str, Any]:
    customer = record.customer
    return {
        "customer_id": customer.id,
        "name": customer.name,
        "numbers": list(customer.numbers),
        "email": customer.email,
        "city": customer.city,
        "timezone": customer.timezone,
        "segment": customer.segment,
        "preferred_channel": customer.preferred_channel,
        "responsible": customer.responsible,
        "last_contact_at": customer.last_contact_at.isoformat() if customer.last_contact_at else None,
        "deals": [
            {
                "deal_id": deal.id,
                "title": deal.title,
                "stage": deal.stage,
                "amount": str(deal.amount) if deal.amount is not None else None,
                "responsible": deal.responsible,
                "changed_at": deal.changed_at.isoformat() if deal.changed_at else None,
            }
            for deal in record.deals
        ],
    }
