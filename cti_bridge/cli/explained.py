"""An explanation as a terminal and a program get it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.cli.terminal import printable
from cti_bridge.domain.moments import iso_time
from cti_bridge.routing.expected import differences
from cti_bridge.routing.explain import Explained, explain_json, explain_lines, headline
from cti_bridge.routing.rule_tests import RuleTest
from cti_bridge.routing.sections import Row, Section, sections

_STYLES = {"yes": "bold green", "in": "cyan", "no": "dim"}
_MICROSECONDS_BELOW_MS = 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """An explanation, and what it took: milliseconds by part (`crm`, `rules`, of a call of the past `whole`).

    `crm_age_s` is the age of a kept answer of the CRM, `crm_error` why it gave none. `day` is what was decided of a
    call of the past at its time, `more` what else is known of it, `test` how a test of the file came out.
    """

    explained: Explained
    took_ms: Mapping[str, float] = field(default_factory=dict)
    crm_age_s: float | None = None
    crm_error: str = ""
    day: Mapping[str, Any] | None = None
    more: tuple[Section, ...] = ()
    test: Mapping[str, Any] | None = None


def of_the_day(record: CallRecord, decision: DecisionRecord, explained: Explained, rules: str, *more: Section) -> Told:
    """The explanation of a call of the past under these rules, beside what was decided then, and what `more` says."""
    day = {
        "call": record.id,
        "offered_at": iso_time(record.offered_at),
        "decision": decision.kind,
        "rule": decision.rule,
        "class": decision.class_name,
        "queue": decision.queue,
        "operator": decision.operator or None,
        "skipped": [{"operator": who, "reason": why} for who, why in decision.skipped],
        "delivered": decision.delivered,
        "shadow": decision.shadow,
        "rules_hash": decision.rules_hash,
        "explained_by": rules,
    }
    return Told(explained, decision.took_ms, decision.crm_age_s, decision.crm_error, day, more)


def of_test(test: RuleTest, told: Told) -> Told:
    """The explanation of a test's call, with how the test came out."""
    wrong = differences(test.expect, told.explained[2])
    rows = [Row(one.key, f"expected {one.expected}, got {one.got}", "no") for one in wrong]
    section = Section("test", (*rows,) if rows else (Row(test.name, "passes", "yes"),))
    values = {"name": test.name, "passed": not wrong, "differences": [asdict(one) for one in wrong]}
    return replace(told, more=(section,), test=values)


def print_told(told: Told, *, as_json: bool) -> None:
    """Prints it on stdout, safe for a terminal; with colours only there."""
    if as_json:
        # escaped to ASCII: what a caller sent must not reach the terminal as it is
        print(json.dumps(_json(told)))
    elif sys.stdout.isatty():
        _print_rich([*sections(*told.explained), *_more(told)], headline(*told.explained))
    else:
        for line in explain_lines(*told.explained, *_more(told)):
            print(printable(line))
    if told.crm_error and told.day is None:
        print(printable(f"CRM: {told.crm_error}"), file=sys.stderr)


def _json(told: Told) -> dict[str, Any]:
    values = {"took_ms": {name: round(value, 3) for name, value in told.took_ms.items()}}
    more = {"crm_age_s": told.crm_age_s, "crm_error": told.crm_error or None}
    return explain_json(*told.explained) | values | more | {"on_the_day": told.day, "test": told.test}


def _more(told: Told) -> list[Section]:
    """What else there is to say: how a call of the past was decided then, and what it took."""
    found = [*told.more]
    if told.day is not None:
        found.append(Section("on the day", tuple(_day(told, told.day))))
    rows = [Row(name, _duration(value)) for name, value in told.took_ms.items()]
    if told.crm_age_s is not None:
        rows.append(Row("crm answer", f"{told.crm_age_s:.0f} s old"))
    if told.crm_error and told.day is not None:
        rows.append(Row("crm error", told.crm_error))
    return [*found, Section("time", tuple(rows))] if rows else found


def _day(told: Told, day: Mapping[str, Any]) -> list[Row]:
    then = f"{day['decision']}, rule {day['rule']}, class {day['class'] or '(none)'}, queue {day['queue']}"
    rows = [Row("arrived", str(day["offered_at"])), Row("decided", then)]
    if day["shadow"]:
        rows.append(Row("told", "nobody: the bridge was in shadow mode, the dialplan decided alone"))
    elif not day["delivered"]:
        rows.append(Row("told", "too late: the dialplan had gone its own way"))
    _, _, now, _ = told.explained
    same = (now.kind.value, now.rule, now.class_name, now.queue) == tuple(
        day[name] for name in ("decision", "rule", "class", "queue")
    )
    return [*rows, Row("explained by", f"{day['explained_by']}{'' if same else ', which decide otherwise: see above'}")]


def _duration(ms: float) -> str:
    return f"{ms:.1f} ms" if ms >= _MICROSECONDS_BELOW_MS else f"{ms * 1000:.0f} µs"


def _print_rich(told: list[Section], first: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(printable(first), style="bold"))
    for section in told:
        console.print(Text(f"\n{section.title}", style="bold"))
        grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        marked = any(row.mark for row in section.rows)
        for column in ("mark", "name", "text") if marked else ("name", "text"):
            grid.add_column(no_wrap=column != "text")
        for row in section.rows:
            style = _STYLES.get(row.mark, "")
            name = Text(f"{'  ' * row.depth}{printable(row.name)}", style=style or "dim")
            cells = [name, Text(printable(row.text), style="dim" if style == "dim" else "")]
            grid.add_row(*([Text(f"  {row.mark}", style=style), *cells] if marked else [Text("  ") + name, cells[1]]))
        console.print(grid)
