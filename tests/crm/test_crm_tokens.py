"""The access token of a CRM is always good, renewed once for everybody, and never renewed in a loop."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from settable_clock import SettableClock

from cti_bridge.crm.pace import PATIENCE, Patience
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.tokens import Granted, TokenKeeper

HOUR_S = 3600.0


class SignInServer:
    """Gives tokens as an OAuth server does: each refresh token is good for one renewal."""

    def __init__(self) -> None:
        self.good = "first"
        self.asked: list[str] = []
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.lasts_s = HOUR_S

    async def renew(self, refresh: str) -> Granted:
        self.asked.append(refresh)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        if refresh != self.good:
            raise CrmRefuses("invalid_grant")
        number = len(self.asked)
        self.good = f"refresh {number}"
        return Granted(f"access {number}", self.good, self.lasts_s)


@pytest.fixture
def server() -> SignInServer:
    return SignInServer()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(1_700_000_000.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


@pytest.fixture
async def keeper(server: SignInServer, clock: SettableClock, file: Path) -> AsyncIterator[TokenKeeper]:
    one = TokenKeeper(file, server.renew, first_refresh="first", clock=clock)
    yield one
    server.gate.set()
    await one.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_the_first_token_is_fetched_with_the_refresh_token_of_the_settings(
    keeper: TokenKeeper, server: SignInServer, file: Path
) -> None:
    assert await keeper.access(within_s=30) == "access 1"
    assert server.asked == ["first"]
    assert json.loads(file.read_text())["refresh"] == "refresh 1"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["tokens.json"]


async def test_a_restart_goes_on_with_the_token_that_was_kept(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock, file: Path
) -> None:
    await keeper.access(within_s=30)
    again = TokenKeeper(file, server.renew, first_refresh="first", clock=clock)
    assert await again.access(within_s=30) == "access 1"
    assert server.asked == ["first"]
    clock.now += 2 * HOUR_S
    assert await again.access(within_s=30) == "access 2"
    assert server.asked == ["first", "refresh 1"]
    await again.close()


async def test_who_signed_in_anew_is_not_held_to_the_old_token(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock, file: Path
) -> None:
    await keeper.access(within_s=30)
    server.good = "signed in anew"
    again = TokenKeeper(file, server.renew, first_refresh="signed in anew", clock=clock)
    assert await again.access(within_s=30) == "access 2"
    await again.close()


async def test_a_token_that_ends_soon_is_renewed_while_everybody_goes_on_with_it(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock
) -> None:
    await keeper.access(within_s=30)
    clock.now += HOUR_S - 200
    server.gate.clear()
    assert [await keeper.access(within_s=0) for _ in range(5)] == ["access 1"] * 5
    await until(lambda: len(server.asked) == 2)
    server.gate.set()
    await until(lambda: keeper.renewals == 2)
    assert await keeper.access(within_s=0) == "access 2"
    assert server.asked == ["first", "refresh 1"]


async def test_many_who_need_a_token_at_once_are_one_renewal(keeper: TokenKeeper, server: SignInServer) -> None:
    server.gate.clear()
    asking = [asyncio.create_task(keeper.access(within_s=30)) for _ in range(50)]
    await until(lambda: len(server.asked) == 1)
    server.gate.set()
    assert set(await asyncio.gather(*asking)) == {"access 1"}
    assert server.asked == ["first"]


async def test_who_has_no_time_left_is_told_so_and_the_renewal_goes_on(
    keeper: TokenKeeper, server: SignInServer
) -> None:
    server.gate.clear()
    with pytest.raises(CrmUnavailable, match="is being renewed"):
        await keeper.access(within_s=0.01)
    await until(lambda: len(server.asked) == 1)
    server.gate.set()
    assert await keeper.access(within_s=30) == "access 1"


async def test_a_caller_who_hangs_up_does_not_cut_the_renewal_off(keeper: TokenKeeper, server: SignInServer) -> None:
    server.gate.clear()
    gone = asyncio.create_task(keeper.access(within_s=60))
    await until(lambda: len(server.asked) == 1)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    server.gate.set()
    assert await keeper.access(within_s=30) == "access 1"
    assert server.asked == ["first"]


async def test_a_rejected_token_is_renewed_once_for_all_who_complain(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock
) -> None:
    token = await keeper.access(within_s=30)
    clock.now += 600
    assert set(await asyncio.gather(*(keeper.rejected(token) for _ in range(20)))) == {"access 2"}
    assert await keeper.rejected(token) == "access 2"  # whoever is late with the old one
    assert server.asked == ["first", "refresh 1"]


async def test_a_new_token_that_is_rejected_as_well_is_not_renewed_again(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock
) -> None:
    token = await keeper.access(within_s=30)
    clock.now += 600
    for _ in range(10):
        renewed = await keeper.rejected(token)
        token = renewed or token
    assert renewed is None
    assert server.asked == ["first", "refresh 1"]


async def test_after_a_failure_the_server_is_left_alone_for_a_while(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock
) -> None:
    server.error = CrmUnavailable("it answers 503")
    for _ in range(10):
        with pytest.raises(CrmUnavailable, match="could not be renewed: it answers 503"):
            await keeper.access(within_s=30)
    assert len(server.asked) == 1
    clock.now += 5
    with pytest.raises(CrmUnavailable):
        await keeper.access(within_s=30)
    clock.now += 9
    with pytest.raises(CrmUnavailable):
        await keeper.access(within_s=30)
    assert len(server.asked) == 2
    server.error = None
    clock.now += 1
    assert await keeper.access(within_s=30) == "access 3"


async def test_a_dead_refresh_token_is_never_tried_again(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock
) -> None:
    server.good = "another"
    for _ in range(3):
        with pytest.raises(CrmUnavailable, match="invalid_grant; sign in anew"):
            await keeper.access(within_s=30)
        clock.now += 2 * HOUR_S
    assert server.asked == ["first"]


async def test_a_failed_renewal_ahead_of_time_takes_the_good_token_from_nobody(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock
) -> None:
    await keeper.access(within_s=30)
    server.error = CrmUnavailable("it answers 503")
    clock.now += HOUR_S - 100
    assert await keeper.access(within_s=30) == "access 1"
    await until(lambda: keeper.failures == 1)
    assert await keeper.access(within_s=30) == "access 1"


async def test_a_token_that_cannot_be_written_down_is_used_and_written_later(
    server: SignInServer, clock: SettableClock, tmp_path: Path
) -> None:
    folder = tmp_path / "full"
    folder.write_text("a file where the folder should be")
    keeper = TokenKeeper(folder / "tokens.json", server.renew, first_refresh="first", clock=clock)
    with pytest.raises(CrmUnavailable, match="cannot be read"):
        await keeper.access(within_s=30)
    folder.unlink()
    folder.mkdir(mode=0o700)
    clock.now += 60
    (folder / "tokens.json").mkdir()  # can be opened by nobody, and replaced by no file
    with pytest.raises(CrmUnavailable, match="cannot be read"):
        await keeper.access(within_s=30)
    (folder / "tokens.json").rmdir()
    clock.now += 60
    assert await keeper.access(within_s=30) == "access 1"
    (folder / "tokens.json").unlink()
    (folder / "tokens.json").mkdir()
    clock.now += 600
    assert await keeper.rejected("access 1") == "access 2"
    (folder / "tokens.json").rmdir()
    clock.now += 60
    assert await keeper.access(within_s=30) == "access 2"
    await until((folder / "tokens.json").is_file)
    assert json.loads((folder / "tokens.json").read_text())["refresh"] == "refresh 2"
    assert server.asked == ["first", "refresh 1"]
    await keeper.close()


async def test_a_full_disk_is_found_out_before_the_refresh_token_is_spent(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock, file: Path
) -> None:
    await keeper.access(within_s=30)
    kept = file.read_text()
    clock.now += HOUR_S - 200
    file.unlink()
    file.mkdir()  # replaced by no file
    assert await keeper.access(within_s=30) == "access 1"
    await until(lambda: keeper.failures == 1)
    assert server.asked == ["first"]
    file.rmdir()
    file.write_text(kept)
    clock.now += 60
    assert await keeper.access(within_s=30) == "access 1"
    await until(lambda: keeper.renewals == 2)
    assert json.loads(file.read_text())["refresh"] == "refresh 2"


async def test_what_could_not_be_written_down_is_written_when_it_stops(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock, file: Path
) -> None:
    await keeper.access(within_s=30)
    clock.now += 2 * HOUR_S
    file.unlink()
    file.mkdir()
    assert await keeper.access(within_s=30) == "access 2"
    file.rmdir()
    await keeper.close()
    assert json.loads(file.read_text())["refresh"] == "refresh 2"


@pytest.mark.parametrize("spoilt", ["", "[]", "{}", "nonsense", '{"began_with": 1}'])
async def test_a_spoilt_file_is_as_none(keeper: TokenKeeper, file: Path, spoilt: str) -> None:
    file.write_text(spoilt)
    assert await keeper.access(within_s=30) == "access 1"


async def test_stopping_lets_the_renewal_on_its_way_end(keeper: TokenKeeper, server: SignInServer, file: Path) -> None:
    server.gate.clear()
    with pytest.raises(CrmUnavailable):
        await keeper.access(within_s=0.01)
    closing = asyncio.create_task(keeper.close())
    await until(lambda: len(server.asked) == 1)
    server.gate.set()
    await closing
    assert json.loads(file.read_text())["refresh"] == "refresh 1"


async def test_who_has_no_time_to_wait_for_a_renewal_leaves_none_behind(
    keeper: TokenKeeper, server: SignInServer
) -> None:
    server.gate.clear()
    with pytest.raises(CrmUnavailable):
        await keeper.access(within_s=0.01)
    await until(lambda: len(server.asked) == 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await keeper.close()
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "crm-token"])


async def test_a_clock_that_is_set_back_costs_one_rejection(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock
) -> None:
    token = await keeper.access(within_s=30)
    clock.now -= 10 * HOUR_S
    assert await keeper.access(within_s=30) == token
    assert await keeper.rejected(token) == "access 2"
    assert server.asked == ["first", "refresh 1"]


async def test_a_clock_that_is_set_back_during_a_pause_does_not_make_it_last(
    keeper: TokenKeeper, server: SignInServer, clock: SettableClock
) -> None:
    server.error = CrmUnavailable("it answers 503")
    with pytest.raises(CrmUnavailable):
        await keeper.access(within_s=30)
    server.error = None
    clock.now -= 10 * HOUR_S
    assert await keeper.access(within_s=30) == "access 2"


class TestTwoProcesses:
    """The daemon and a command use one file; whatever one of them does, the other goes on."""

    @pytest.fixture
    async def other(self, server: SignInServer, clock: SettableClock, file: Path) -> AsyncIterator[TokenKeeper]:
        """The command, which has settings of the same text."""
        one = TokenKeeper(file, server.renew, first_refresh="first", clock=clock)
        yield one
        server.gate.set()
        await one.close()

    async def test_what_one_has_renewed_the_other_takes_over(
        self, keeper: TokenKeeper, other: TokenKeeper, server: SignInServer, clock: SettableClock
    ) -> None:
        await keeper.access(within_s=30)
        clock.now += 2 * HOUR_S
        assert await other.access(within_s=30) == "access 2"
        assert await keeper.access(within_s=30) == "access 2"
        assert server.asked == ["first", "refresh 1"]

    async def test_both_at_the_same_moment_spend_the_refresh_token_once(
        self, keeper: TokenKeeper, other: TokenKeeper, server: SignInServer
    ) -> None:
        server.gate.clear()
        asking = [asyncio.create_task(one.access(within_s=30)) for one in (keeper, other, keeper, other)]
        await until(lambda: len(server.asked) == 1)
        await asyncio.sleep(0.3)  # long enough for the second to ask, if it would
        server.gate.set()
        assert set(await asyncio.gather(*asking)) == {"access 1"}
        assert server.asked == ["first"]

    async def test_a_token_that_the_other_has_replaced_is_rejected_once(
        self, keeper: TokenKeeper, other: TokenKeeper, server: SignInServer, clock: SettableClock
    ) -> None:
        token = await keeper.access(within_s=30)
        clock.now += HOUR_S - 200
        assert [await other.access(within_s=30) for _ in range(2)] == [token, token]
        await until(lambda: other.renewals == 1)
        assert await keeper.rejected(token) == "access 2"
        clock.now += 600
        assert await keeper.rejected("access 2") == "access 3"
        assert server.asked == ["first", "refresh 1", "refresh 2"]

    async def test_who_died_in_the_middle_of_a_renewal_stands_in_nobodys_way(
        self, keeper: TokenKeeper, server: SignInServer, file: Path
    ) -> None:
        holding = (
            "import sys, time; from pathlib import Path; from cti_bridge.crm.token_file import locked;"
            "lock = locked(Path(sys.argv[1])); print(lock, flush=True); time.sleep(600)"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", holding, str(file.parent), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            assert (await process.stdout.readline()).strip().isdigit()
            asking = asyncio.create_task(keeper.access(within_s=60))
            await asyncio.sleep(0.3)
            assert (asking.done(), server.asked) == (False, [])
        finally:
            process.kill()
            await process.wait()
        assert await asking == "access 1"

    async def test_a_new_sign_in_by_a_command_is_taken_over_by_the_daemon(
        self, keeper: TokenKeeper, server: SignInServer, clock: SettableClock, file: Path
    ) -> None:
        """Its next renewal neither spends the new code again nor puts its own old tokens over the new ones."""
        await keeper.access(within_s=30)
        server.good = "a new code"
        command = TokenKeeper(file, server.renew, first_refresh="a new code", clock=clock)
        assert await command.access(within_s=30) == "access 2"
        await command.close()
        clock.now += 2 * HOUR_S
        assert await keeper.access(within_s=30) == "access 3"
        again = TokenKeeper(file, server.renew, first_refresh="a new code", clock=clock)
        assert await again.access(within_s=30) == "access 3"
        await again.close()
        assert server.asked == ["first", "a new code", "refresh 2"]

    async def test_a_daemon_that_was_refused_goes_on_after_a_new_sign_in(
        self, keeper: TokenKeeper, server: SignInServer, clock: SettableClock, file: Path
    ) -> None:
        server.good = "a new code"
        with pytest.raises(CrmUnavailable, match="sign in anew"):
            await keeper.access(within_s=30)
        command = TokenKeeper(file, server.renew, first_refresh="a new code", clock=clock)
        await command.access(within_s=30)
        await command.close()
        clock.now += 20
        assert await keeper.access(within_s=30) == "access 2"
        assert server.asked == ["first", "a new code"]

    async def test_a_file_that_root_writes_belongs_to_the_owner_of_the_folder(
        self, keeper: TokenKeeper, file: Path
    ) -> None:
        if os.geteuid() == 0:
            os.chown(file.parent, 12_345, 12_346)
        await keeper.access(within_s=30)
        folder, kept = file.parent.stat(), file.stat()
        assert (kept.st_uid, kept.st_gid) == (folder.st_uid, folder.st_gid)
        assert stat.S_IMODE(kept.st_mode) == 0o600


async def test_a_renewal_has_not_the_patience_of_the_caller_who_happened_to_begin_it(
    clock: SettableClock, file: Path
) -> None:
    patience: list[Patience | None] = []

    async def renew(_refresh: str) -> Granted:
        patience.append(PATIENCE.get())
        return Granted("access", "refresh", HOUR_S)

    keeper = TokenKeeper(file, renew, first_refresh="first", clock=clock)
    PATIENCE.set(Patience(0.15))
    assert await keeper.access(within_s=30) == "access"
    assert patience == [None]
    await keeper.close()
