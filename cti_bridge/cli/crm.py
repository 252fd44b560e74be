"""`cti-bridge crm import | lookup | check`: fill the embedded CRM and ask it what the daemon would be told."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from cti_bridge.cli import crm_import
from cti_bridge.cli.crm_import import complain
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.port import Crm, CrmUnavailable
from cti_bridge.domain.customer import CustomerRecord, StageList
from cti_bridge.domain.number import CallerNumber, display_number, parse_number
from cti_bridge.settings import DEFAULT_PATH, Settings, SettingsError, load_settings

_LIMIT_S = 5.0
"""A command has more patience than a call, but not without end."""
_REPEATS = 200

T = TypeVar("T")


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
    check = crm.add_parser("check", help="can the CRM be asked?")
    check.set_defaults(func=_check)
    for parser in (imports, lookup, check):
        parser.add_argument("--config", type=Path, default=DEFAULT_PATH, metavar="FILE")


def run_lookup(crm: Crm, number: CallerNumber, *, timing: bool = False, as_json: bool = False) -> int:
    """Print who has this number. 0: somebody, 1: nobody (or a number that is not asked for), 2: no answer."""

    async def ask() -> tuple[tuple[CustomerRecord, ...], StageList, list[float]]:
        times = []
        records: tuple[CustomerRecord, ...] = ()
        for _ in range(_REPEATS if timing else 1):
            started = perf_counter()
            records = await crm.find(number)
            times.append((perf_counter() - started) * 1000)
        return records, await crm.stages(), times

    answer = _ask(crm, ask)
    if answer is None:
        return 2
    records, stages, times = answer
    repeated = sorted(times[1:])
    figures = (
        {"first_ms": round(times[0], 3), "repeated_p50_ms": round(repeated[len(repeated) // 2], 3)} if timing else {}
    )
    if as_json:
        found = {"number": number.e164 or number.raw, "kind": number.kind, "customers": [_plain(r) for r in records]}
        print(json.dumps(found | figures, ensure_ascii=True))
    else:
        for line in _card(number, records, stages):
            print(printable(line))
        if figures:
            print(f"first look-up {figures['first_ms']} ms, repeated {figures['repeated_p50_ms']} ms (median)")
    return 0 if records else 1


def run_check(crm: Crm) -> int:
    """Say whether the CRM can be asked: 0 yes, 2 no, and then why."""

    async def ask() -> bool:
        await crm.check()
        return True

    if _ask(crm, ask) is None:
        return 2
    print(f"the CRM ({crm.kind}) answers")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments.config)
    if settings is None:
        return 2
    return crm_import.run_import(crm_import.wishes(arguments), settings)


def _lookup(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments.config)
    if settings is None:
        return 2
    number = settings.pbx.staff.seen(parse_number(arguments.number, region=settings.region))
    crm = EmbeddedCrm(settings.crm.path, settings.crm.stages)
    return run_lookup(crm, number, timing=arguments.timing, as_json=arguments.json)


def _check(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments.config)
    return 2 if settings is None else run_check(EmbeddedCrm(settings.crm.path, settings.crm.stages))


def _settings(path: Path) -> Settings | None:
    try:
        return load_settings(path)
    except SettingsError as error:
        for problem in error.problems:
            complain(problem)
        return None


def _ask(crm: Crm, question: Callable[[], Awaitable[T]]) -> T | None:
    """The CRM's answer within the limit, or None after saying why there is none; the CRM is closed in any case."""

    async def asking() -> T:
        try:
            async with asyncio.timeout(_LIMIT_S):
                return await question()
        finally:
            await crm.close()

    try:
        return asyncio.run(asking())
    except TimeoutError:
        complain(f"the CRM ({crm.kind}) did not answer within {_LIMIT_S:g} s")
    except CrmUnavailable as error:
        complain(str(error))
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
            yield f"  {deal.id}  {deal.title}  {stage.name if stage else deal.stage}{amount}"


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
