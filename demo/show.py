"""What the demo prints: each call as it happens, the table at the end, or lines of JSON."""

import json
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cti_bridge.cli.terminal import printable
from demo.callers import SampleCaller
from demo.play import Progress

CLASS_COLOURS = {"new": "cyan", "sales": "yellow", "production": "magenta"}
ARROW = " → "


class Screen:
    """The terminal: progress on stderr, the answer on stdout."""

    def __init__(self, *, as_json: bool) -> None:
        """Choose between people (colours, a line per call) and programs (`as_json`)."""
        self._json = as_json
        self._err = Console(stderr=True, highlight=False)
        self._out = Console(highlight=False)
        self._live: Live | None = None
        self._caller = SampleCaller("", "", "", "", "")

    def __enter__(self) -> Self:
        """Take the last line of the terminal, where there is one, for the call that is going on."""
        if not self._json and self._out.is_terminal:
            self._live = Live(Text(""), console=self._out, transient=True, refresh_per_second=10)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def say(self, text: str) -> None:
        """Say what the demo is doing, on stderr."""
        self._err.print(Text(f"demo: {printable(text)}", style="dim"), soft_wrap=True)

    def welcome(
        self, url: str, password: str, operators: dict[str, str], queues: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Say where the page is and how to sign in."""
        out = self._err if self._json else self._out
        out.print(Text.assemble("\n  Operator page  ", (url, "bold green"), "   password ", (password, "bold green")))
        for number, (operator, name) in enumerate(operators.items()):
            answers = (
                ", ".join(queue for queue, members in queues.items() if operator in members)
                or "no queue of these rules"
            )
            label = "" if number else "Sign in as"
            out.print(Text.assemble(f"  {label:<14} ", (operator, "bold"), f"  {name:<16} ", (answers, "dim")))
        out.print()

    def rings(self, caller: SampleCaller) -> None:
        """A call begins."""
        self._caller = caller

    def step(self, now: Progress) -> None:
        """Something more is known of the call that is going on."""
        if self._live is not None:
            self._live.update(self._line(now, ended=False))

    def result(self, call: Progress) -> None:
        """The call is over."""
        if self._json:
            print(json.dumps(call.as_json(), ensure_ascii=False), flush=True)
            if not call.ok:
                self.say(f"{call.caller}: {call.problem}")
        elif self._live is not None:
            self._live.console.print(self._line(call, ended=True))
            self._live.update(Text(""))
        else:
            self._out.print(self._line(call, ended=True), soft_wrap=True)

    def table(self, calls: list[Progress]) -> None:
        """Print the round as a table; nothing when programs are reading."""
        if self._json:
            return
        table = Table(title="One round of sample callers", title_justify="left", pad_edge=False)
        for heading in ("caller", "class", "rule", "decision", "crm", "queue", "operator"):
            table.add_column(heading)
        for heading in ("decision ms", "pop ms"):
            table.add_column(heading, justify="right")
        table.add_column("")
        for call in calls:
            mark = Text("ok", style="green") if call.ok else Text(printable(call.problem), style="bold red")
            table.add_row(
                *map(_cell, (call.caller, call.class_name, call.rule, call.decision, call.crm, call.queue)),
                _cell(call.operator or "-"), _number(call.decision_ms), _number(call.pop_ms), mark,
            )  # fmt: skip
        console = self._out if self._out.is_terminal else Console(file=sys.stdout, width=140, highlight=False)
        console.print()
        console.print(table)
        good = sum(call.ok for call in calls)
        console.print(Text(f"{good} of {len(calls)} calls as expected", style="green" if good == len(calls) else "red"))

    def _line(self, now: Progress, *, ended: bool) -> Text:
        """`+7… Name → class → rule → queue → operator → pop after N ms`, as far as it is known."""
        line = Text(printable(f"{now.caller:<14} {self._caller.name:<16.16}"))
        for text, style in (
            (now.class_name, CLASS_COLOURS.get(now.class_name, "")),
            (now.rule and f"rule {now.rule}", ""),
            (now.queue and f"queue {now.queue}", "bold"),
            (now.operator or "", "bold blue"),
            (f"pop after {now.pop_ms:.0f} ms" if now.pop_ms is not None else "", "green"),
        ):
            if text:
                line.append(ARROW, "dim").append(printable(text), style)
        if not ended:
            line.append(" …", "dim")
        elif not now.ok:
            line.append(f"  {printable(now.problem)}", "bold red")
        return line


def _cell(text: str) -> Text:
    return Text(printable(text))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
