"""The command that says when the schedules of a rule file are open."""

import argparse
import json
import sys
import zoneinfo
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cti_bridge.cli.terminal import printable
from cti_bridge.reception.rule_file import RulesUnreadable, read_rules
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.moment import moment_text, read_moment
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.schedule import Schedule, end_of, weekday
from cti_bridge.settings import DEFAULT_PATH, SettingsError, load_settings

_WEEK_DAYS = 7


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `schedule` to the group `rules`."""
    schedule = commands.add_parser(
        "schedule",
        help="what is open when",
        description="Says of each schedule in the rules whether it is open, since when and until when.",
    )
    schedule.add_argument("--at", metavar="TIME", help="at this time instead of now, such as `2026-12-31 18:00`")
    schedule.add_argument("--week", action="store_true", help="the opening hours of seven days, from that day on")
    schedule.add_argument("--rules", metavar="FILE", type=Path, help="other rules than those of the settings")
    schedule.add_argument("--config", metavar="FILE", type=Path, default=DEFAULT_PATH, help="the settings file")
    schedule.add_argument("--json", action="store_true", help="JSON on stdout, nothing else")
    schedule.set_defaults(func=_schedule)


def moment_of(text: str | None, rules: RuleSet) -> datetime:
    """The moment that was asked for, now where none was; in the zone of the rules. Raises ValueError."""
    zone = zoneinfo.ZoneInfo(rules.timezone)
    return datetime.now(UTC).astimezone(zone) if text is None else read_moment(text, zone)


def _schedule(arguments: argparse.Namespace) -> int:
    try:
        path = arguments.rules or load_settings(arguments.config).rules
        rules = load_rules(read_rules(path))
        at = moment_of(arguments.at, rules)
    except SettingsError as error:
        return _refuse(error.problems)
    except RulesError as error:
        return _refuse([problem.format(str(path)) for problem in error.problems])
    except (RulesUnreadable, ValueError) as error:
        return _refuse([f"cti-bridge: {error}"])
    schedules = [*rules.schedules.values()]
    days = [at.date() + timedelta(days=day) for day in range(_WEEK_DAYS)]
    if arguments.json:
        told = [_week_json(one, days) if arguments.week else _state_json(one, at) for one in schedules]
        print(json.dumps({"at": moment_text(at), "schedules": told}))
    else:
        for line in _week_lines(schedules, days) if arguments.week else _state_lines(schedules, at):
            print(printable(line))
    if not schedules:
        print(f"cti-bridge: {printable(str(path))} has no schedules", file=sys.stderr)
    return 0 if schedules else 1


def _state_lines(schedules: Sequence[Schedule], at: datetime) -> list[str]:
    width = max((len(one.name) for one in schedules), default=0)
    return [
        f"{one.name:{width}}  {_local(one, at)}  {one.zone.key}  {one.in_words(at)}"
        for one in schedules
    ]  # fmt: skip


def _local(schedule: Schedule, at: datetime) -> str:
    local = schedule.local(at)
    return f"{weekday(local.date())} {local:%Y-%m-%d %H:%M}"


def _state_json(schedule: Schedule, at: datetime) -> dict[str, Any]:
    period = schedule.period(at)
    return {
        **_head(schedule),
        "local": schedule.local(at).isoformat(timespec="minutes"),
        "open": period.open,
        "since": period.begins.isoformat(timespec="minutes") if period.begins else None,
        "until": period.ends.isoformat(timespec="minutes") if period.ends else None,
        "note": period.note,
    }


def _week_lines(schedules: Sequence[Schedule], days: Sequence[date]) -> list[str]:
    lines = []
    for one in schedules:
        lines.append(f"{one.name} ({one.zone.key}): {one.hours}")
        for day in days:
            times = ", ".join("-".join(span) for span in _times(one, day)) or "closed"
            remarks = "".join(f" ({remark})" for remark in (*one.notes(day), *_clock_change(one, day)))
            lines.append(f"  {weekday(day)} {day.isoformat()}  {times}{remarks}")
    return lines


def _week_json(schedule: Schedule, days: Sequence[date]) -> dict[str, Any]:
    told = [{"date": day.isoformat(), "open": _times(schedule, day), "notes": schedule.notes(day)} for day in days]
    return {**_head(schedule), "days": told}


def _head(schedule: Schedule) -> dict[str, Any]:
    return {"schedule": schedule.name, "timezone": schedule.zone.key, "hours": schedule.hours}


def _times(schedule: Schedule, day: date) -> list[tuple[str, str]]:
    return [(f"{begins:%H:%M}", end_of(ends)[1]) for begins, ends in schedule.openings(day)]


def _clock_change(schedule: Schedule, day: date) -> list[str]:
    """What happens to the clocks of the zone on this day."""
    midnights = [datetime(one.year, one.month, one.day, tzinfo=schedule.zone) for one in (day, day + timedelta(days=1))]
    before, after = (one.utcoffset() or timedelta() for one in midnights)
    if before == after:
        return []
    return ["the clocks go forward" if after > before else "the clocks go back"]


def _refuse(lines: Sequence[str]) -> int:
    for line in lines:
        print(printable(line), file=sys.stderr)
    return 2
