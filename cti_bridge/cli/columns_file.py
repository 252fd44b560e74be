"""The file that says which columns of somebody's CSV mean what: strict, with every mistake at its line and column."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cti_bridge.crm.embedded.cells import is_timezone
from cti_bridge.crm.embedded.columns import COLUMNS, NAMED_VALUES, REQUIRED, SEVERAL, ColumnPlan, folded
from cti_bridge.domain.customer import StageList
from cti_bridge.routing.document import Items, Node, Scalar, Table, parse_document
from cti_bridge.routing.problems import Located, Place, Problems, RulesError, quoted, suggestion

_KEYS = ("columns", "values", "dates", "timezone", "decimal")
_DECIMALS = (",", ".")
_MAX_HEADERS = 20


class ColumnsFileError(ValueError):
    """The file cannot be used; `problems` has one line for each mistake."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ColumnsFile:
    """What the file says, and where it names each header of theirs (by our column and header)."""

    path: Path
    plan: ColumnPlan
    places: dict[tuple[str, str], Place] = field(default_factory=dict)


def read_columns_file(path: Path, stages: StageList) -> ColumnsFile:
    """Read and check the file; stages have to be among `stages`. Raises ColumnsFileError with all mistakes."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ColumnsFileError((f"{path}: {error.strerror or error}",)) from error
    except UnicodeDecodeError as error:
        raise ColumnsFileError((f"{path}: not UTF-8",)) from error
    problems = Problems()
    reader = _Reader(problems, stages)
    document = parse_document(text, problems)
    plan = reader.plan(document) if document is not None else ColumnPlan()
    try:
        problems.raise_if_any()
    except RulesError as found:
        raise ColumnsFileError(tuple(problem.format(str(path)) for problem in found.problems)) from None
    return ColumnsFile(path, plan, reader.places)


class _Reader:
    """Turns the document into a plan and notes what is wrong with it."""

    def __init__(self, problems: Problems, stages: StageList) -> None:
        self.places: dict[tuple[str, str], Place] = {}
        self._problems = problems
        self._stages = stages

    def plan(self, document: Node) -> ColumnPlan:
        found: dict[str, Any] = {}
        for key, node in self._entries(document, "the file must be keys with values", _KEYS):
            match key.text:
                case "columns":
                    found["headers"] = self._columns(node)
                case "values":
                    found["values"] = self._values(node)
                case "dates":
                    found["dates"] = tuple(self._date(item) for item in self._list(node))
                case "timezone":
                    found["zone"] = self._zone(node)
                case "decimal":
                    found["decimal"] = self._decimal(node)
        if "headers" not in found:
            self._problems.add(Place(1, 1), "key `columns` is missing")
        return ColumnPlan(**found)

    def _columns(self, node: Node) -> dict[str, tuple[str, ...]]:
        headers: dict[str, tuple[str, ...]] = {}
        taken: dict[str, str] = {}
        for key, value in self._entries(node, "`columns` must be our columns with theirs", COLUMNS):
            items = self._list(value)
            if len(items) > 1 and key.text not in SEVERAL:
                self._problems.add(
                    value, f"{quoted(key.text)} can be one column only", f"several: {', '.join(SEVERAL)}"
                )
            if len(items) > _MAX_HEADERS:
                self._problems.add(value, f"more than {_MAX_HEADERS} columns")
            for item in items:
                self.places.setdefault((key.text, item.text), Place(item.line, item.column))
                if taken.setdefault(folded(item.text), key.text) != key.text:
                    other = taken[folded(item.text)]
                    self._problems.add(item, f"{quoted(item.text)} is {quoted(other)} already")
            headers[key.text] = tuple(dict.fromkeys(item.text for item in items))
        for ours in REQUIRED:
            if ours not in headers:
                self._problems.add(node, f"column {quoted(ours)} is missing")
        return headers

    def _values(self, node: Node) -> dict[str, dict[str, str]]:
        values: dict[str, dict[str, str]] = {}
        for key, table in self._entries(node, "`values` must be our columns with their values", NAMED_VALUES):
            names = values.setdefault(key.text, {})
            for theirs, ours in self._entries(table, f"{quoted(key.text)} must be their values with ours", None):
                text = self._word(ours)
                if key.text == "stage" and text and self._stages.get(text) is None:
                    known = [stage.id for stage in self._stages.stages]
                    self._problems.add(
                        ours, f"unknown stage {quoted(text)}", suggestion(text, known, f"known: {', '.join(known)}")
                    )
                elif key.text == "timezone" and text and not is_timezone(text):
                    self._problems.add(ours, f"unknown timezone {quoted(text)}", "a name such as Europe/Moscow")
                names[folded(theirs.text)] = text
        return values

    def _entries(self, node: Node, otherwise: str, known: tuple[str, ...] | None) -> Iterator[tuple[Scalar, Node]]:
        if not isinstance(node, Table):
            self._problems.add(node, otherwise)
            return
        for key, value in node.entries:
            if known is not None and key.text not in known:
                self._problems.add(key, f"unknown key {quoted(key.text)}", suggestion(key.text, known))
            else:
                yield key, value

    def _list(self, node: Node) -> list[Scalar]:
        """One word, or a list of them; at least one."""
        words: list[Scalar] = []
        for item in node.items if isinstance(node, Items) else (node,):
            if self._word(item) and isinstance(item, Scalar):
                words.append(item)
        if isinstance(node, Items) and not node.items:
            self._problems.add(node, "must not be empty")
        return words

    def _word(self, node: Node) -> str:
        if not isinstance(node, Scalar) or node.is_null or not node.text.strip():
            self._problems.add(node, "must be a text")
            return ""
        return node.text

    def _date(self, node: Scalar) -> str:
        try:
            moment = datetime(2026, 11, 22, 14, 5, 6, tzinfo=UTC)
            read = datetime.strptime(moment.strftime(node.text), node.text)  # noqa: DTZ007 - only the form is tried
            if read.date() == moment.date():
                return node.text
        except ValueError:
            pass
        self._problems.add(node, f"{quoted(node.text)} is no form of a date", "such as %d.%m.%Y %H:%M")
        return node.text

    def _zone(self, node: Node) -> tzinfo:
        name = self._word(node)
        if name and is_timezone(name):
            return ZoneInfo(name)
        if name:
            self._problems.add(node, f"unknown timezone {quoted(name)}", "a name such as Europe/Moscow")
        return UTC

    def _decimal(self, node: Node) -> str:
        sign = self._word(node)
        if sign and sign not in _DECIMALS:
            self._problems.add(node, f"the decimal sign cannot be {quoted(sign)}", "a comma or a point in quotes")
        return sign


def at(file: ColumnsFile, column: str, header: str) -> Located:
    """Where the file names this header of theirs."""
    return file.places.get((column, header), Place(1, 1))
