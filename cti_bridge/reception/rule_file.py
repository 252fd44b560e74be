"""The rule file in force: loaded at the start, replaced as a whole by a good one, never by a bad one.

Bad is a file with a mistake, one of whose own tests fails, and one that cannot be judged. All of that is found out by
another process; only a text that passed is loaded in this one.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

from cti_bridge.calls.journal import AcceptedRules, Journal
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import StageList
from cti_bridge.reception.rule_judge import NotJudged, judge_apart
from cti_bridge.routing.document import MAX_CHARACTERS
from cti_bridge.routing.judgement import Judgement, RuleText
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import RulesError
from cti_bridge.routing.rules import RuleSet

log = structlog.get_logger(__name__)

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
        return content.decode("utf-8")
    except OSError as error:
        raise RulesUnreadable(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RulesUnreadable(f"{path}: not UTF-8 at byte {error.start}") from error


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


class Judge(Protocol):
    """Whoever says whether a rule file may go live; raises NotJudged."""

    async def __call__(self, rules: RuleText, tests: RuleText | None, stages: StageList | None) -> Judgement:
        """What is wrong with it, and how its tests came out."""


class RuleFile:
    """Holds the rules in force. A call takes `current` once, so one version decides it entirely."""

    def __init__(
        self,
        path: Path,
        journal: Journal,
        *,
        stages: StageList | None,
        on_state: Callable[[str, str], None],
        judge: Judge = judge_apart,
    ) -> None:
        self.current: RuleSet
        self.reloads = 0
        self.refused = 0
        self._path = path
        self._journal = journal
        self._stages = stages
        self._on_state = on_state
        self._judge = judge
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        """Load the file, or where it is bad the version accepted last. Raises NoUsableRules."""
        problems = await self.reload()
        if not problems:
            return
        kept = await self._last_accepted()
        if kept is None:
            raise NoUsableRules(problems)
        self.current = kept
        reason = f"the file is refused, rules {kept.hash[:12]} accepted earlier are in force: {problems[0]}"
        log.error("rules.old", reason=reason)
        self._on_state("at_risk", reason)

    async def reload(self) -> tuple[str, ...]:
        """Load the file again; the problems come back, none when the new rules are in force."""
        async with self._one_at_a_time:  # or a long file read first could replace a short one read last
            return await self._load()

    async def _load(self) -> tuple[str, ...]:
        try:
            text, tests = await asyncio.to_thread(read_with_tests, self._path)
            judgement = await self._judge(text, tests, self._stages)
            if judgement.complaints:
                return self._keep_old(judgement.complaints)
            rules = await asyncio.to_thread(load_rules, text.text, stages=self._stages)
        except RulesError as error:
            return self._keep_old(tuple(problem.format(str(self._path)) for problem in error.problems))
        except RulesUnreadable as error:
            return self._keep_old((str(error),))
        except NotJudged as error:
            return self._keep_old((f"{self._path}: {error}",))
        self.current = rules
        self.reloads += 1
        self._on_state("up", "")
        log.info("rules.accepted", hash=rules.hash[:12], file=str(self._path), tests=len(judgement.tests))
        for warning in judgement.warnings:
            log.warning("rules.warning", warning=warning)
        try:
            await self._journal.accept_rules(AcceptedRules(rules.hash, text.text, time.time()))
        except DatabaseUnusable as error:
            log.warning("rules.not_kept", reason=str(error))
        return ()

    def _keep_old(self, problems: tuple[str, ...]) -> tuple[str, ...]:
        self.refused += 1
        for problem in problems:
            log.error("rules.refused", problem=problem)
        self._on_state("at_risk", f"the file is refused, the old rules are in force: {problems[0]}")
        return problems

    async def _last_accepted(self) -> RuleSet | None:
        try:
            kept = await self._journal.last_accepted_rules()
            return await asyncio.to_thread(load_rules, kept.text) if kept else None
        except (DatabaseUnusable, RulesError) as error:
            log.error("rules.kept_unusable", reason=str(error))
            return None
