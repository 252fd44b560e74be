"""Reads a rule file: text in, frozen `RuleSet` out, or every mistake in it at once."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import phonenumbers

from cti_bridge.domain.customer import StageList
from cti_bridge.routing.document import Node, Scalar, Table, parse_document
from cti_bridge.routing.history import asks_history
from cti_bridge.routing.lines import line_values, read_did, read_lines
from cti_bridge.routing.outputs import OutputReader, read_queue
from cti_bridge.routing.problems import Place, Problems, quoted
from cti_bridge.routing.read_queues import read_queues
from cti_bridge.routing.read_tests import read_tests
from cti_bridge.routing.rules import Ambiguous, ClassEntry, Degraded, Outputs, RuleSet
from cti_bridge.routing.scalars import (
    Fields,
    read_choice,
    read_items,
    read_milliseconds,
    read_name,
    read_seconds,
    read_text,
    read_zone,
)
from cti_bridge.routing.schedules import SchedulesReader
from cti_bridge.routing.treatment import TREATMENT_KEYS, read_max_overtake
from cti_bridge.routing.tree import TreeReader
from cti_bridge.routing.when import WhenReader

KEYS = (
    "version",
    "region",
    "timezone",
    "lines",
    "schedules",
    "classes",
    "queues",
    "rules",
    "default",
    "ambiguous",
    "trusted_trunks",
    "degraded",
    "max_overtake",
    "patience",
    "tests",
)
DEFAULT_REGION = "RU"
DEFAULT_TIMEZONE = "Europe/Moscow"
DEFAULT_DEADLINE_MS = 300
DEFAULT_CACHE_MS = 24 * 3_600_000
MAX_DEADLINE_MS = 900
"""The whole decision has a second; waiting longer for the CRM would leave nothing for the rest."""
DEFAULT_PATIENCE_S = 600
MAX_PATIENCE_S = 86_400


def load_rules(text: str, *, stages: StageList | None = None, document: Node | None = None) -> RuleSet:
    """Reads the text of a rule file.

    With a stage list, stages that it does not have are mistakes, and so are expressions that can never hold; without
    one a file is read that was accepted once. `document` is the one in this text, where it has been read already.
    Raises `RulesError` with every problem found.
    """
    problems = Problems()
    node = document if document is not None else parse_document(text, problems)
    rules = None
    if node is not None:
        fields = Fields(node, "the rule file", KEYS, problems)
        rules = _FileReader(text, fields, problems, stages).read() if isinstance(node, Table) else None
        tests = fields.get("tests")
        if rules is not None and tests is not None:
            rules = replace(rules, tests=read_tests(tests, rules, stages, problems))
    problems.raise_if_any()
    if rules is None:
        raise AssertionError("a rule file without problems has rules")
    return rules


class _FileReader:
    """Reads the sections of one file."""

    def __init__(self, text: str, fields: Fields, problems: Problems, stages: StageList | None) -> None:
        self._text = text
        self._fields = fields
        self._problems = problems
        self._stages = stages
        self._line_values: dict[str, tuple[str, ...]] = {}

    def read(self) -> RuleSet | None:
        self._version()
        region = self._region()
        timezone = self._timezone()
        named = read_queues(self._fields.required("queues"), self._problems)
        queues = named.timeouts
        node = self._fields.get("schedules")
        schedules = SchedulesReader(self._text, timezone, self._problems).read(node) if node is not None else {}
        outputs = OutputReader(queues, self._problems, schedules)
        default = self._default(outputs)
        facts: list[str] = []
        node = self._fields.get("lines")
        lines = read_lines(node, region, self._problems) if node is not None else {}
        self._line_values = line_values(lines)
        classes = self._classes(region, facts)
        when = self._when([entry.name for entry in classes], region)
        final = default.final if default else ""
        tree = TreeReader(outputs, when, final, self._problems)
        node = self._fields.get("rules")
        rules = tree.read(node) if node is not None else ()
        degraded = self._degraded(default, queues, region)
        if default is None or degraded is None:
            return None
        return RuleSet(
            hash=hashlib.sha256(self._text.encode("utf-8", "surrogatepass")).hexdigest(),
            region=region,
            timezone=timezone,
            classes=classes,
            queues=queues,
            rules=rules,
            default=default,
            ambiguous=self._ambiguous(),
            trusted_trunks=self._trusted_trunks(),
            degraded=degraded,
            patience_s=self._patience(),
            lines=lines,
            schedules=schedules,
            max_overtake_s=read_max_overtake(self._fields.get("max_overtake"), self._problems),
            expression_facts=tuple(dict.fromkeys(facts + when.expression_facts)),
            asks_history=asks_history(classes, rules),
            queue_places=named.places,
        )

    def _version(self) -> None:
        node = self._fields.required("version")
        if node is not None and not (isinstance(node, Scalar) and node.plain and node.text == "1"):
            self._problems.add(node, "`version` must be 1")

    def _region(self) -> str:
        node = self._fields.get("region")
        text = read_text(node, "`region`", self._problems) if node is not None else DEFAULT_REGION
        if node is not None and text is not None and text not in phonenumbers.SUPPORTED_REGIONS:
            self._problems.add(node, f"region {quoted(text)} is not known", "two capital letters, such as RU")
            return DEFAULT_REGION
        return text or DEFAULT_REGION

    def _timezone(self) -> str:
        node = self._fields.get("timezone")
        text = read_zone(node, "`timezone`", "timezone", self._problems) if node is not None else None
        return text or DEFAULT_TIMEZONE

    def _patience(self) -> int:
        node = self._fields.get("patience")
        seconds = read_seconds(node, "`patience`", 0, MAX_PATIENCE_S, self._problems) if node is not None else None
        return DEFAULT_PATIENCE_S if seconds is None else seconds

    def _when(self, classes: list[str] | None, region: str) -> WhenReader:
        return WhenReader(
            self._text,
            self._problems,
            classes=classes,
            stages=self._stages,
            lines=self._line_values,
            region=region,
        )

    def _classes(self, region: str, facts: list[str]) -> tuple[ClassEntry, ...]:
        node = self._fields.get("classes")
        entries: dict[str, ClassEntry] = {}
        when = self._when(None, region)
        for item in read_items(node, "`classes`", self._problems) if node is not None else ():
            fields = Fields(item, "a class", ("name", "when"), self._problems)
            name_node = fields.required("name") if isinstance(item, Table) else None
            name = read_name(name_node, "class", self._problems) if name_node is not None else None
            condition = fields.get("when")
            conditions = when.read(condition) if condition is not None else ()
            if name_node is None or name is None:
                continue
            if name in entries:
                self._problems.add(name_node, f"class {quoted(name)} is there twice")
            entries.setdefault(name, ClassEntry(name, conditions, Place(name_node.line, name_node.column)))
        facts += when.expression_facts
        return tuple(entries.values())

    def _default(self, outputs: OutputReader) -> Outputs | None:
        node = self._fields.required("default")
        if node is None:
            return None
        fields = Fields(node, "`default`", ("queue", "then", "final", "priority", *TREATMENT_KEYS), self._problems)
        if isinstance(node, Table):
            fields.required("queue")
        draft = outputs.read(fields)
        return outputs.finish(draft, f"queue:{draft.queue}") if draft.queue else None

    def _ambiguous(self) -> Ambiguous:
        node = self._fields.get("ambiguous")
        text = read_choice(node, "`ambiguous`", tuple(Ambiguous), self._problems) if node is not None else None
        return Ambiguous(text) if text else Ambiguous.MOST_ADVANCED_DEAL

    def _trusted_trunks(self) -> frozenset[str]:
        node = self._fields.get("trusted_trunks")
        items = read_items(node, "`trusted_trunks`", self._problems) if node is not None else ()
        return frozenset(text for item in items if (text := read_text(item, "a trunk", self._problems)))

    def _degraded(self, default: Outputs | None, queues: Mapping[str, int], region: str) -> Degraded | None:
        node = self._fields.get("degraded")
        queue = default.steps[0].queue if default else ""
        deadline_ms, cache_ms = DEFAULT_DEADLINE_MS, DEFAULT_CACHE_MS
        by_did: dict[str, str] = {}
        if node is not None:
            fields = Fields(node, "`degraded`", ("deadline", "cache", "queue", "by_did"), self._problems)
            if (value := fields.get("queue")) is not None:
                queue = read_queue(value, "`queue`", queues, self._problems) or queue
            if (value := fields.get("deadline")) is not None:
                deadline_ms = self._deadline(value)
            if (value := fields.get("cache")) is not None:
                cache = read_milliseconds(value, "`cache`", self._problems)
                cache_ms = DEFAULT_CACHE_MS if cache is None else cache
            if (value := fields.get("by_did")) is not None:
                by_did = self._by_did(value, queues, region)
        return Degraded(deadline_ms / 1000, cache_ms / 1000, queue, by_did) if default else None

    def _deadline(self, node: Node) -> int:
        deadline_ms = read_milliseconds(node, "`deadline`", self._problems)
        if deadline_ms is not None and not 0 < deadline_ms <= MAX_DEADLINE_MS:
            self._problems.add(node, f"`deadline` must be 1ms to {MAX_DEADLINE_MS}ms")
        return deadline_ms or DEFAULT_DEADLINE_MS

    def _by_did(self, node: Node, queues: Mapping[str, int], region: str) -> dict[str, str]:
        by_did: dict[str, str] = {}
        if not isinstance(node, Table):
            self._problems.add(node, "`by_did` must be a mapping of dialled numbers to queues")
            return by_did
        for key, value in node.entries:
            did = read_did(key, region, by_did, self._problems)
            by_did[did] = read_queue(value, "`by_did`", queues, self._problems) or ""
        return by_did
