"""The admin in his terminal: who is in which state, who was, and putting somebody into one."""

import asyncio
import json
import time
from datetime import datetime
from pathlib import Path

import pytest
from staff_room import OPERATORS, RADA, staff_room

from cti_bridge.cli.main import main
from cti_bridge.desk.states.console_states import ConsoleStates
from cti_bridge.desk.states.state_commands import StateCommands
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.desk_settings import DeskSettings
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.state_happenings import Asked

SETTINGS = DeskSettings()


@pytest.fixture
async def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AMI_SECRET", "x")
    (tmp_path / "c.yaml").write_text(
        'data_dir: data\nrules: r.yaml\npbxes: [{name: main, ami: {secret: "${AMI_SECRET}"}}]\n', "utf-8"
    )
    (tmp_path / "data").mkdir(mode=0o700)
    accounts = Accounts(tmp_path / "data")
    await accounts.open()
    for operator in OPERATORS:
        await accounts.add(operator, "тихий омут 7")
    await accounts.close()
    return tmp_path


async def _cti(folder: Path, *words: str) -> int:
    """The command, in a thread: it has a loop of its own."""
    return await asyncio.to_thread(main, ["operators", *words, "--config", str(folder / "c.yaml")])


async def test_who_is_in_which_state_is_seen_without_the_daemon(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with staff_room(folder / "data") as room:
        for state in ("lunch", "training"):
            definition = SETTINGS.state(state)
            assert definition is not None
            room.staffing.ask(RADA, Asked(definition, by="irina"))
            room.clocks.pass_(90)
        await room.written()
    capsys.readouterr()
    assert await _cti(folder, "states") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("op1")
    assert "Рада Бирюкова" in first
    assert "training" in first
    assert "by irina" in first
    assert f"{datetime.now().astimezone().isoformat()[-6:]} " in first, "the time is the machine's, and says so"
    assert second.endswith("no state yet")
    assert await _cti(folder, "states", "--json") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["operator"], one["state"] and one["state"]["state"]) for one in listed] == [
        ("op1", "training"),
        ("op2", None),
    ]
    assert await _cti(folder, "history", "op1", "--since", "2020-01-01", "--json") == 0
    history = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["state"], one["seconds"] == pytest.approx(90, abs=0.1)) for one in history][1] == ("lunch", True)
    assert [one["state"] for one in history] == ["training", "lunch", "ready"]
    assert await _cti(folder, "history", "op2") == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("set", "op1", "flying"), 2, "no state that can be set: ready, break"),
        (("set", "op1", "wrap_up"), 2, "no state that can be set"),
        (("set", "nobody", "lunch"), 1, "there is no operator nobody"),
        (("history", "op1", "--since", "neulich"), 2, "--since: not a time"),
        (("states",), 2, "there is no journal yet"),
    ],
)
async def test_what_cannot_be_is_said_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    assert await _cti(folder, *words) == code
    assert said in capsys.readouterr().err


async def test_a_running_daemon_takes_a_state_that_is_set(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti_bridge.cli.operator_states.TAKEN_WITHIN_S", 30.0)
    accounts = Accounts(folder / "data", poll_s=0.02)
    await accounts.open()
    async with staff_room(folder / "data") as room:
        commands = StateCommands(
            room.staffing, SETTINGS, journal=room.journal, directory=lambda: accounts.directory, now=time.time
        )
        runs = [
            asyncio.create_task(ConsoleStates(accounts, room.staffing, commands).run()),
            asyncio.create_task(accounts.watch()),
        ]
        assert await _cti(folder, "set", "op1", "lunch") == 0
        assert capsys.readouterr().out.startswith("op1: lunch, or as soon as")
        view = room.staffing.view(RADA)
        assert (view["state"], view["by"]) == ("lunch", "@console")
        for task in runs:
            task.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
    await accounts.close()


async def test_without_a_daemon_it_waits_for_one(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti_bridge.cli.operator_states.TAKEN_WITHIN_S", 0.0)
    for state in ("lunch", "break"):
        assert await _cti(folder, "set", "op1", state, "--json") == 0
        assert json.loads(capsys.readouterr().out) == {"operator": "op1", "state": state, "taken": False}
    accounts = Accounts(folder / "data")
    await accounts.open()
    async with staff_room(folder / "data") as room:
        commands = StateCommands(room.staffing, SETTINGS, journal=room.journal, directory=lambda: accounts.directory)
        console = ConsoleStates(accounts, room.staffing, commands)
        await console.take()
        assert room.state() == "break"
        assert await accounts.asked_states() == []
        assert len(room.staffing.rows) == 0, "what was taken is on disk: the daemon may be killed now"
    await accounts.close()


async def test_in_shadow_mode_no_state_is_left_for_a_daemon_that_will_not_have_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "c.yaml").write_text((folder / "c.yaml").read_text("utf-8") + "mode: shadow\n", "utf-8")
    assert await _cti(folder, "set", "op1", "lunch") == 2
    assert "in shadow mode Asterisk is told nothing" in capsys.readouterr().err
    accounts = Accounts(folder / "data")
    await accounts.open()
    assert await accounts.asked_states() == []
    await accounts.close()


async def test_callers_have_their_turn_while_the_states_of_a_large_team_are_put_together(tmp_path: Path) -> None:
    irina = Operator(OperatorId("irina"), "Ирина Сухова", (), role=Role.SUPERVISOR)
    team = Directory.of([irina, *(Operator(OperatorId(f"op{n}"), f"Рада Бирюкова {n}", ()) for n in range(1000))])
    async with staff_room(tmp_path) as room:
        room.directory = team
        commands = CommandList()
        StateCommands(room.staffing, SETTINGS, journal=room.journal, directory=lambda: team).offer_to(commands)
        given = asyncio.create_task(commands.carry_out(irina, "1", "state.team", {}, now=0.0))
        turns = 0
        while not given.done():
            await asyncio.sleep(0)
            turns += 1
        answer = json.loads(await given)
    assert len(answer["value"]["team"]) == 1001
    assert turns > 10, "ten slices of a hundred"


async def test_who_was_removed_while_his_command_was_under_way_is_told_so(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        offered = CommandList()
        StateCommands(room.staffing, SETTINGS, journal=room.journal, directory=lambda: room.directory).offer_to(offered)
        room.directory = Directory.of(OPERATORS[1:])
        room.staffing.people_changed()
        for name, args in (("state.set", {"state": "lunch"}), ("state.list", {})):
            result = json.loads(await offered.carry_out(OPERATORS[0], name, name, args, now=0.0))
            assert (result["ok"], result["error"]["code"]) == (False, "not_found")
        assert room.wanted == []
