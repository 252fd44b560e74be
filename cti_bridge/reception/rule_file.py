"""The rule file in force: loaded at the start, replaced as a whole by a good one, never by a bad one.

Bad is a file with a mistake, one of whose own tests fails, and one that cannot be judged. All of that is found out by
another process; only a text that passed is loaded in this one.
"""

import asyncio
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import structlog

from cti_bridge.calls.journal import AcceptedRules, Journal
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import StageList
from cti_bridge.reception.rule_judge import NotJudged, judge_apart
from cti_bridge.routing.document import MAX_CHARACTERS, Node
from cti_bridge.routing.judgement import Judgement, RuleText
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.preferred import unknown_operators
from cti_bridge.routing.problems import Problem, RulesError
from cti_bridge.routing.reloaded import Reloaded
from cti_bridge.routing.rules import RuleSet

log = structlog.get_logger(__name__)

READ_WITHIN_S = 10.0
_UTF8_BYTES = 4
"""Longest character; a file larger than the limit times this is too large without counting its characters."""


class NoUsableRules(Exception):
    """There is neither a good rule file nor one that was accepted earlier; one printable line for each problem."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RulesUnreadable(Exception):
    """The rule file could not be read; the message is one line that names it."""


def read_rules(path: Path) -> str:
    """The text of a rule file, never more of it than could be valid. Raises RulesUnreadable."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CHARACTERS * _UTF8_BYTES + 1)
        too_large = len(content) > MAX_CHARACTERS * _UTF8_BYTES  # and perhaps cut in the middle of a character
        return content.decode("utf-8", "replace" if too_large else "strict")
    except OSError as error:
        raise RulesUnreadable(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        raise RulesUnreadable(f"{path}:{line}:{column}: not UTF-8 (save it as UTF-8)") from error


def tests_beside(path: Path) -> Path:
    """Where the tests of a rule file can have a file of their own: `routing.tests.yaml` beside `routing.yaml`."""
    return path.with_name(f"{path.stem}.tests.yaml")


def read_with_tests(path: Path, tests: Path | None = None) -> tuple[RuleText, RuleText | None]:
    """A rule file and its file of tests: the one named, which must be there, or else the one beside it, if it is.

    Raises RulesUnreadable.
    """
    rules = RuleText(str(path), read_rules(path))
    if tests is None:
        tests = tests_beside(path)
        try:
            tests.lstat()
        except FileNotFoundError:
            return rules, None
        except OSError as error:
            raise RulesUnreadable(f"{tests}: {error.strerror or error}") from error
    return rules, RuleText(str(tests), read_rules(tests))


def _read_plain_files(path: Path) -> tuple[RuleText, RuleText | None]:
    """Like `read_with_tests`, but plain files only: a pipe could keep its reader for ever. Raises RulesUnreadable."""
    for file in (path, tests_beside(path)):
        try:
            if not stat.S_ISREG(file.stat().st_mode):
                raise RulesUnreadable(f"{file}: no plain file")
        except OSError:
            continue  # the reader says what is wrong with it, or does without
    return read_with_tests(path)


def _ms_since(began: float) -> float:
    return (time.monotonic() - began) * 1000


class _Refused(Exception):
    """The file does not go live; `by_tests`: nothing is wrong with it but what its own tests say."""

    def __init__(self, problems: tuple[str, ...], *, by_tests: bool = False) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.by_tests = by_tests


class Judge(Protocol):
    """Whoever says whether a rule file may go live; raises NotJudged."""

    async def __call__(self, rules: RuleText, tests: RuleText | None, stages: StageList | None) -> Judgement:
        """What is wrong with it, and how its tests came out."""


class RuleFile:
    """Holds the rules in force. A call takes `current` once, so one version decides it entirely.

    It is loaded by one at a time: after the start, by `RuleReloads`.
    """

    def __init__(
        self,
        path: Path,
        journal: Journal,
        *,
        stages: StageList | Callable[[], StageList] | None,
        on_state: Callable[[str, str], None],
        judge: Judge = judge_apart,
        stages_are_of_crm: bool = False,
        operators: Callable[[], Collection[str]] = tuple,
        missing_queues: Callable[[RuleSet], tuple[Problem, ...]] = lambda rules: (),
    ) -> None:
        """`stages` may also say which stages there are now; `missing_queues` which queues Asterisk does not have.

        With `stages_are_of_crm` others than the admin may change the stages, and a start never fails for that.
        """
        self.current: RuleSet
        self.reloads = 0
        self.refused = 0
        self.refused_now = False
        """Whether the file that was loaded last was refused, so that older rules are in force."""
        self._path = path
        self._journal = journal
        self._stages: Callable[[], StageList | None] = stages if callable(stages) else lambda: stages
        self._missing_queues = missing_queues
        self._on_state = on_state
        self._judge = judge
        self._operators = operators
        self._in_force = ""
        self._text = ""
        self._stages_are_of_crm = stages_are_of_crm
        self._said_missing: set[str] = set()
        """Of the rules in force: which queues the log has already said are missing."""

    async def start(self) -> None:
        """Load the file, or where it is bad the version accepted last. Raises NoUsableRules."""
        try:
            await self._load()
            return
        except _Refused as refused:
            self._keep_old(refused.problems)
            problems, by_tests = refused.problems, refused.by_tests
        kept = await self._last_accepted()
        if kept is None and await self._only_stages_are_wrong(problems, by_tests=by_tests):
            return
        if kept is None:
            raise NoUsableRules(problems)
        self._put_in_force(*kept)
        reason = f"the file is refused, rules {self._in_force[:12]} accepted earlier are in force: {problems[0]}"
        log.error("rules.old", reason=reason)
        self._on_state("at_risk", reason)

    async def _only_stages_are_wrong(self, problems: tuple[str, ...], *, by_tests: bool) -> bool:
        """Put a file in force in which only stages are wrong that the CRM does not have: nothing matches them.

        Tests that need them cannot come out as expected, nor those that go by the order of stages nobody knows yet.
        """
        stages = self._stages()
        if not self._stages_are_of_crm or stages is None or (by_tests and not stages.open_ended):
            return False
        any_stage = replace(stages, open_ended=True)
        try:
            text, judgement = await self._judged(any_stage, tests_decide=False)
            rules = await self._loaded(text, judgement.document, any_stage)
        except _Refused:
            return False
        self._put_in_force(rules, text.text)
        self._on_state("at_risk", f"in force, and not as it is meant: {problems[0]}")
        await self._tell_accepted(rules, text, replace(judgement, warnings=problems))
        return True

    async def stages_changed(self) -> None:
        """The CRM has other stages than before: say which of those in the rules it does not have now."""
        try:
            await asyncio.to_thread(load_rules, self._text, stages=self._stages())
        except RulesError as error:
            for problem in error.problems:
                log.warning("rules.warning", warning=problem.format(str(self._path)))

    async def reload(self) -> Reloaded:
        """Load the file again; nothing changes unless it is good."""
        began, previous = time.monotonic(), self._in_force
        try:
            judgement = await self._load()
        except _Refused as refused:
            self._keep_old(refused.problems)
            return Reloaded(refused.problems, previous, previous, took_ms=_ms_since(began))
        now, tests = self._in_force, len(judgement.tests)
        return Reloaded((), now, previous, tests, judgement.warnings, took_ms=_ms_since(began))

    async def _load(self) -> Judgement:
        """Put the file in force, if it is good. Raises _Refused."""
        stages = self._stages()
        text, judgement = await self._judged(stages)
        rules = await self._loaded(text, judgement.document, stages)
        judgement = self._with_operators(judgement, rules)
        self._put_in_force(rules, text.text)
        self.reloads += 1
        self.refused_now = False
        self._on_state("up", "")
        await self._tell_accepted(rules, text, judgement)
        return judgement

    async def _judged(self, stages: StageList | None, *, tests_decide: bool = True) -> tuple[RuleText, Judgement]:
        """A file that may go live, and what was said of it. Raises _Refused."""
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                text, tests = await asyncio.to_thread(_read_plain_files, self._path)
            judgement = await self._judge(text, tests, stages)
        except TimeoutError:
            raise _Refused((f"{self._path}: cannot be read within {READ_WITHIN_S:g} s",)) from None
        except RulesUnreadable as error:
            raise _Refused((str(error),)) from error
        except NotJudged as error:
            raise _Refused((f"{self._path}: {error}",)) from error
        if judgement.problems or (judgement.failed and tests_decide):
            raise _Refused(judgement.complaints, by_tests=not judgement.problems)
        return text, judgement

    async def _loaded(self, text: RuleText, document: Node | None, stages: StageList | None) -> RuleSet:
        try:
            return await asyncio.to_thread(load_rules, text.text, stages=stages, document=document)
        except RulesError as error:
            raise _Refused(tuple(problem.format(text.file) for problem in error.problems)) from error

    def _with_operators(self, judgement: Judgement, rules: RuleSet) -> Judgement:
        """What was said of the file, and which operators it names who are not there."""
        unknown = unknown_operators(rules.rules, self._operators())
        missing = self._missing_queues(rules)
        self._said_missing = {one.message for one in missing}
        told = (*(one.format(str(self._path)) for one in unknown), *self._queue_warnings(missing))
        return replace(judgement, warnings=(*judgement.warnings, *told))

    def queues_changed(self) -> None:
        """Asterisk has other queues than before: say which of those in the rules it does not have now."""
        missing = self._missing_queues(self.current)
        for warning in self._queue_warnings([one for one in missing if one.message not in self._said_missing]):
            log.warning("rules.warning", warning=warning)
        self._said_missing = {one.message for one in missing}

    def _queue_warnings(self, missing: Iterable[Problem]) -> Iterator[str]:
        for one in missing:
            yield replace(one, message=f"warning: {one.message}").format(str(self._path))

    def _put_in_force(self, rules: RuleSet, text: str) -> None:
        self.current = rules
        self._in_force = rules.hash
        self._text = text

    async def _tell_accepted(self, rules: RuleSet, text: RuleText, judgement: Judgement) -> None:
        log.info("rules.accepted", hash=rules.hash[:12], file=str(self._path), tests=len(judgement.tests))
        for warning in judgement.warnings:
            log.warning("rules.warning", warning=warning)
        try:
            await self._journal.accept_rules(AcceptedRules(rules.hash, text.text, time.time()))
        except DatabaseUnusable as error:
            log.warning("rules.not_kept", reason=str(error))

    def _keep_old(self, problems: tuple[str, ...]) -> None:
        self.refused += 1
        self.refused_now = True
        for problem in problems:
            log.error("rules.refused", problem=problem)
        self._on_state("at_risk", f"the file is refused, the old rules are in force: {problems[0]}")

    async def _last_accepted(self) -> tuple[RuleSet, str] | None:
        try:
            kept = await self._journal.last_accepted_rules()
            return (await asyncio.to_thread(load_rules, kept.text), kept.text) if kept else None
        except (DatabaseUnusable, RulesError) as error:
            log.error("rules.kept_unusable", reason=str(error))
            return None
