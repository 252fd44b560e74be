"""P6: a rule file is judged by a process of its own, which may hang, crash or lie; then the file does not go live."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from cti_bridge.calls.journal import Journal
from cti_bridge.domain.customer import SHIPPED_STAGES, StageList
from cti_bridge.reception.rule_file import NoUsableRules, RuleFile
from cti_bridge.reception.rule_judge import Limits, NotJudged, judge_apart
from cti_bridge.routing.judgement import Judgement, RuleText, judge
from cti_bridge.routing.reloaded import as_json

pytestmark = pytest.mark.slow

GOOD = "version: 1\nqueues: {desk: {timeout: 60s}, sales: }\ndefault: {queue: desk}\n"
OTHER = GOOD.replace("default: {queue: desk}", "default: {queue: sales}")
FAILING = f"{OTHER}tests:\n  - name: everybody to the desk\n    expect: {{queue: desk}}\n"
LARGE = f"{GOOD}trusted_trunks: [{', '.join(f'Ласточкина-{number}' for number in range(45_000))}]\n"


def crossed(count: int) -> str:
    """A good file with so many rules and tests, every one of which tries every rule."""
    tree = "".join(f"  - {{name: r{n}, when: {{customer.city: Тверь-{n}}}, queue: desk}}\n" for n in range(count))
    tests = "".join(f"  - {{name: t{number}, expect: {{queue: desk}}}}\n" for number in range(count))
    return f"{GOOD}rules:\n{tree}tests:\n{tests}"


MUCH_WORK = crossed(2_500)
ENOUGH = Limits(whole_s=60, cpu_s=60)


def rules(text: str) -> RuleText:
    return RuleText("r.yaml", text)


@pytest.mark.parametrize("text", [GOOD, FAILING, "version: 2\n", "", "rules: [", "\x00", "имя: Ласточкина\n"])
async def test_another_process_says_the_same(text: str) -> None:
    tests = RuleText("r.tests.yaml", "tests: [{name: here, expect: {queue: sales}}]\n")

    said = await judge_apart(rules(text), tests, SHIPPED_STAGES, limits=ENOUGH)

    assert said == judge(rules(text), tests, SHIPPED_STAGES)


async def test_half_a_character_in_a_name_is_no_trouble() -> None:
    (problem,) = (await judge_apart(RuleText("\udcff.yaml", 'version: "\\ud800"\n' + GOOD[11:]), None, None)).problems

    assert problem == "\udcff.yaml:1:10: `version` must be 1"


async def test_the_stages_of_the_house_count_there_too() -> None:
    text = rules(f"{GOOD}classes: [{{name: new, when: {{deal.stage: paid}}}}]\n")

    assert (await judge_apart(text, None, StageList(()), limits=ENOUGH)).problems == (
        "r.yaml:4:42: stage `paid` is not in the stage list (known: )",
    )
    assert (await judge_apart(text, None, None, limits=ENOUGH)).problems == ()


TOO_MUCH = {
    "memory": (LARGE, Limits(memory_bytes=45_000_000), "of memory"),
    "work": (MUCH_WORK, Limits(cpu_s=1), "checking it took more than 1 s of work"),
    "time": (MUCH_WORK, Limits(whole_s=1), "checking it took longer than 1 s"),
}


@pytest.mark.parametrize(("text", "limits", "said"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
async def test_a_file_that_takes_too_much_is_given_up(text: str, limits: Limits, said: str) -> None:
    with pytest.raises(NotJudged, match=said):
        await judge_apart(rules(text), None, None, limits=limits)


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Makes a program to be started instead of Python."""

    def make(script: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        return str(path)

    return make


STRANGE = {
    "says nothing": ("exit 0", "the process that checked it gave no answer"),
    "says something else": ("echo '[1]'", "the process that checked it gave no answer"),
    "says what is no JSON": ("echo '{\"problems\": ['", "the process that checked it gave no answer"),
    "fails": ("exit 7", "the process that checked it failed with 7"),
    "crashes": ("kill -SEGV $$", "the process that checked it was ended by SIGSEGV"),
    "is killed": ("kill -KILL $$", "the process that checked it was ended by SIGKILL"),
    "ran out of memory": ("exit 3", "checking it took more than 768 MiB of memory"),
    "talks without end": (
        "/bin/cat > /dev/null; exec /usr/bin/yes 0123456789012345678901234567890123456789",
        "MB to say",
    ),
}


@pytest.mark.parametrize(("script", "said"), STRANGE.values(), ids=STRANGE.keys())
async def test_a_process_that_goes_wrong_is_no_judgement(program: Callable[[str], str], script: str, said: str) -> None:
    with pytest.raises(NotJudged, match=said):
        await judge_apart(rules(GOOD + "#" * 500_000), None, None, limits=ENOUGH, python=program(script))


@pytest.mark.parametrize("script", ["while :; do :; done", "exec /bin/sleep 60", "read -r line; exec /bin/sleep 60"])
async def test_a_process_that_hangs_is_ended(program: Callable[[str], str], script: str) -> None:
    with pytest.raises(NotJudged, match="longer than 1 s"):
        await judge_apart(rules(GOOD + "#" * 500_000), None, None, limits=Limits(whole_s=1), python=program(script))


async def test_whoever_no_longer_wants_the_answer_leaves_no_process(program: Callable[[str], str]) -> None:
    others = _children()  # servers of other tests
    asked = asyncio.create_task(judge_apart(rules(GOOD), None, None, python=program("exec /bin/sleep 60")))
    while not _children() - others:
        await asyncio.sleep(0.01)

    asked.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asked
    assert not _children() - others


def _children() -> set[str]:
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found.update((task / "children").read_text().split())
    return found


async def test_the_process_gets_no_secrets(
    program: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CTI_AMI_SECRET", "geheim")
    with pytest.raises(NotJudged):
        await judge_apart(rules(GOOD), None, None, python=program(f"export -p > {tmp_path}/known; exit 1"))

    assert "PYTHONPATH" in (tmp_path / "known").read_text()
    assert "geheim" not in (tmp_path / "known").read_text()


async def cannot_be_started(*_: object, **__: object) -> None:
    raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")


async def test_without_a_process_there_is_no_judgement(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotJudged, match=r"no process could be started to check it: .*No such file"):
        await judge_apart(rules(GOOD), None, None, python="/no/python")
    monkeypatch.setattr(asyncio.get_running_loop(), "subprocess_exec", cannot_be_started)
    with pytest.raises(NotJudged, match=r"no process could be started to check it: .*temporarily unavailable"):
        await judge_apart(rules(GOOD), None, None)


class House:
    """A rule file, who judges it, and what is said about it."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.path = folder / "r.yaml"
        self.states: list[tuple[str, str]] = []
        self.judge_works = True
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._journal = journal
        self.file = self.new_file()

    def new_file(self) -> RuleFile:
        """The file as a bridge that starts has it."""
        return RuleFile(
            self.path,
            self._journal,
            stages=SHIPPED_STAGES,
            on_state=lambda state, reason: self.states.append((state, reason)),
            judge=self._judge,
        )

    async def _judge(self, rules: RuleText, tests: RuleText | None, stages: StageList | None) -> Judgement:
        await self.may_answer.wait()
        if not self.judge_works:
            raise NotJudged("no process could be started to check it")
        return await judge_apart(rules, tests, stages, limits=ENOUGH)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    house = House(tmp_path, journal)
    house.path.write_text(GOOD, "utf-8")
    await house.file.start()
    yield house
    await journal.close(within_s=5)


async def test_a_file_whose_own_test_fails_never_goes_live(house: House) -> None:
    house.path.write_text(FAILING, "utf-8")

    (problem,) = (await house.file.reload()).problems

    assert problem == f"{house.path}:5:5: test `everybody to the desk` failed: queue: expected `desk`, got `sales`"
    assert house.file.current.default.steps[0].queue == "desk"
    assert house.states[-1] == ("at_risk", f"the file is refused, the old rules are in force: {problem}")
    assert (house.file.reloads, house.file.refused) == (1, 1)

    house.path.write_text(
        FAILING.replace("{queue: desk}}", "{queue: sales}}").replace("expect: {queue: desk", "expect: {queue: sales")
    )
    assert (await house.file.reload()).problems == ()
    assert house.file.current.default.steps[0].queue == "sales"
    assert house.states[-1] == ("up", "")


async def test_tests_beside_the_file_count_as_well(house: House) -> None:
    house.path.write_text(OTHER, "utf-8")
    beside = house.path.with_name("r.tests.yaml")
    beside.write_text("tests: [{name: everybody, expect: {queue: desk}}]\n", "utf-8")

    (problem,) = (await house.file.reload()).problems
    assert problem == f"{beside}:1:9: test `everybody` failed: queue: expected `desk`, got `sales`"

    beside.write_bytes(b"\xff")
    assert (await house.file.reload()).problems == (f"{beside}:1:1: not UTF-8 (save it as UTF-8)",)
    beside.unlink()
    beside.symlink_to("nowhere")
    assert (await house.file.reload()).problems == (f"{beside}: No such file or directory",)
    assert house.file.current.default.steps[0].queue == "desk"


async def test_whoever_asked_is_told_what_came_of_it(house: House) -> None:
    before = house.file.current.hash
    house.path.write_text(FAILING, "utf-8")
    refused = await house.file.reload()
    assert as_json(refused) == {
        "accepted": False, "hash": before, "previous": before, "took_ms": round(refused.took_ms, 1),
        "problems": [f"{house.path}:5:5: test `everybody to the desk` failed: queue: expected `desk`, got `sales`"],
    }  # fmt: skip
    assert house.file.refused_now

    closed = "schedules: {yard: {hours: 'off'}}\ntests: [{name: all, expect: {queue: sales}}]\n"
    house.path.write_text(OTHER + closed, "utf-8")
    accepted = await house.file.reload()
    told = as_json(accepted)
    assert (told["accepted"], told["previous"], told["tests"]) == (True, before, 1)
    assert told["hash"] == house.file.current.hash != before
    assert told["warnings"] == list(accepted.warnings) and "never open" in accepted.warnings[0]
    assert not house.file.refused_now


async def test_a_pipe_in_place_of_the_file_is_refused_and_not_waited_for(house: House) -> None:
    house.path.unlink()
    os.mkfifo(house.path)
    assert (await house.file.reload()).problems == (f"{house.path}: no plain file",)

    house.path.unlink()
    house.path.write_text(OTHER, "utf-8")
    os.mkfifo(house.path.with_name("r.tests.yaml"))
    assert (await house.file.reload()).problems == (f"{house.path.with_name('r.tests.yaml')}: no plain file",)


async def test_what_cannot_be_judged_does_not_go_live(house: House) -> None:
    house.path.write_text(OTHER, "utf-8")
    house.judge_works = False

    assert (await house.file.reload()).problems == (f"{house.path}: no process could be started to check it",)
    assert house.file.current.default.steps[0].queue == "desk"

    again = house.new_file()
    await again.start()
    assert again.current.default.steps[0].queue == "desk"
    assert house.states[-1][0] == "at_risk"
    assert "accepted earlier are in force" in house.states[-1][1]


async def test_at_a_first_start_what_cannot_be_judged_is_no_rules(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    house = House(tmp_path, journal)
    house.path.write_text(FAILING, "utf-8")
    try:
        with pytest.raises(NoUsableRules, match="everybody to the desk"):
            await house.file.start()
        house.judge_works = False
        with pytest.raises(NoUsableRules, match="no process could be started"):
            await house.file.start()
    finally:
        await journal.close(within_s=5)


async def test_calls_go_on_by_the_old_rules_while_a_file_is_judged(house: House) -> None:
    house.path.write_text(OTHER, "utf-8")
    house.may_answer.clear()
    reload = asyncio.create_task(house.file.reload())
    await asyncio.sleep(0)
    before = house.file.current
    for _ in range(100):
        await asyncio.sleep(0)
        assert house.file.current is before

    house.may_answer.set()

    assert (await reload).accepted
    assert house.file.current.default.steps[0].queue == "sales"


async def test_the_event_loop_turns_while_a_file_is_judged(house: House) -> None:
    house.path.write_text(crossed(400), "utf-8")
    reload = asyncio.create_task(house.file.reload())
    turns = 0
    while not reload.done():
        await asyncio.sleep(0.001)
        turns += 1

    assert (await reload).accepted
    assert turns > 100
    assert len(house.file.current.rules) == 400
