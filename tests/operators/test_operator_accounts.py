"""Accounts hold what they promise: one owner per phone, secrets only as hashes, sessions that end when they should."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators import store
from cti_bridge.operators.accounts import FILE_NAME, SESSIONS_PER_OPERATOR, AccessChange, Accounts
from cti_bridge.operators.passwords import Passwords, TooBusy
from cti_bridge.operators.secrets import hashed
from cti_bridge.operators.store import AccountConflict, KeyPurpose, NoSuchAccount
from cti_bridge.operators.tickets import Tickets, TooManyTickets

ANNA = Operator(OperatorId("anna"), "Анна Ёжикова", ("PJSIP/101", "PJSIP/201"), crm_user="a.ezh")
BORIS = Operator(OperatorId("boris"), "Борис Щукин", ("PJSIP/102",), Role.SUPERVISOR, "b.shch")
PASSWORD = "тихий омут 7"
HOUR = 3600.0


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def accounts_in(folder: Path, clock: Clock | None = None) -> AsyncIterator[Accounts]:
    accounts = Accounts(folder, clock=clock or Clock(), poll_s=0.01)
    await accounts.open()
    watch = asyncio.create_task(accounts.watch())
    try:
        yield accounts
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await accounts.close()


async def until(condition: asyncio.Event) -> None:
    async with asyncio.timeout(30):
        await condition.wait()


async def test_an_operator_is_found_by_id_phone_and_crm_user_also_after_a_restart(tmp_path: Path) -> None:
    async with accounts_in(tmp_path) as accounts:
        await accounts.add(BORIS, PASSWORD)
        await accounts.add(ANNA, PASSWORD)
    async with accounts_in(tmp_path) as accounts:
        directory = accounts.directory
        assert directory.all() == (ANNA, BORIS)
        assert directory.get("anna") == ANNA
        assert directory.owner_of("PJSIP/201") == ANNA
        assert directory.owner_of("PJSIP/999") is None
        assert directory.by_crm_user("b.shch") == BORIS
        assert directory.by_crm_user("") is None


@pytest.mark.parametrize(
    ("newcomer", "message"),
    [
        (Operator(OperatorId("anna"), "Другая Анна", ("PJSIP/103",)), "operator anna exists already"),
        (Operator(OperatorId("vera"), "Вера", ("PJSIP/103", "PJSIP/201")), "phone PJSIP/201 belongs to operator anna"),
        (
            Operator(OperatorId("vera"), "Вера", ("PJSIP/103",), crm_user="a.ezh"),
            "CRM user a.ezh belongs to operator anna",
        ),
    ],
)
async def test_what_belongs_to_one_operator_is_not_given_to_another(
    tmp_path: Path, newcomer: Operator, message: str
) -> None:
    async with accounts_in(tmp_path) as accounts:
        await accounts.add(ANNA, PASSWORD)
        with pytest.raises(AccountConflict) as refused:
            await accounts.add(newcomer, PASSWORD)
        assert str(refused.value) == message
        assert accounts.directory.all() == (ANNA,)


async def test_the_right_password_signs_in_and_nothing_else_does(tmp_path: Path) -> None:
    async with accounts_in(tmp_path) as accounts:
        await accounts.add(ANNA, PASSWORD)
        signed_in = await accounts.sign_in("anna", PASSWORD)
        assert signed_in is not None and signed_in.operator == ANNA
        assert accounts.use_session(hashed(signed_in.token)) == ANNA
        for login, password in [("anna", "другой пароль"), ("nobody", PASSWORD), ("anna", ""), ("", "\ud83d")]:
            assert await accounts.sign_in(login, password) is None


async def test_the_same_letters_are_the_same_password_however_they_are_composed(tmp_path: Path) -> None:
    async with accounts_in(tmp_path) as accounts:
        await accounts.add(ANNA, "чай и ёлка")
        assert await accounts.sign_in("anna", "чаи\u0306 и е\u0308лка") is not None


async def test_an_unknown_login_is_verified_like_a_known_one() -> None:
    passwords = Passwords()
    stored = await passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(stored, PASSWORD)
    assert not await passwords.verify(None, PASSWORD)
    assert not await passwords.verify(None, "nobody has this password")
    passwords.close()


async def test_a_crowd_at_the_door_is_turned_away_instead_of_queueing_without_end() -> None:
    passwords = Passwords(workers=1, waiting=1)
    first, second = (asyncio.create_task(passwords.verify(None, PASSWORD)) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await passwords.verify(None, PASSWORD)
    assert [await first, await second] == [False, False]
    assert not await passwords.verify(None, PASSWORD)
    passwords.close()


async def test_a_session_lasts_twelve_hours_from_its_last_use_also_over_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    async with accounts_in(tmp_path, clock) as accounts:
        await accounts.add(ANNA, PASSWORD)
        signed_in = await accounts.sign_in("anna", PASSWORD)
        assert signed_in is not None
        session = hashed(signed_in.token)
        clock.now += 11 * HOUR
        assert accounts.use_session(session) == ANNA
    async with accounts_in(tmp_path, clock) as accounts:
        clock.now += 11 * HOUR
        assert accounts.use_session(session) == ANNA
        clock.now += 12 * HOUR
        assert accounts.use_session(session) is None


async def test_only_hashes_of_secrets_are_on_disk(tmp_path: Path) -> None:
    async with accounts_in(tmp_path) as accounts:
        await accounts.add(ANNA, PASSWORD)
        signed_in = await accounts.sign_in("anna", PASSWORD)
        key = await accounts.add_key("crm")
    assert signed_in is not None
    files = list(tmp_path.iterdir())
    assert files
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        content = file.read_bytes()
        for secret in (PASSWORD, signed_in.token, key):
            assert secret.encode() not in content


async def test_an_operator_has_no_more_than_so_many_sessions_and_the_oldest_goes(tmp_path: Path) -> None:
    clock = Clock()
    async with accounts_in(tmp_path, clock) as accounts:
        await accounts.add(ANNA, PASSWORD)
        sessions = []
        for _ in range(SESSIONS_PER_OPERATOR + 1):
            clock.now += 1
            signed_in = await accounts.sign_in("anna", PASSWORD)
            assert signed_in is not None
            sessions.append(hashed(signed_in.token))
        assert accounts.use_session(sessions[0]) is None
        assert all(accounts.use_session(session) for session in sessions[1:])


async def test_a_new_password_by_another_process_ends_every_session_at_once(tmp_path: Path) -> None:
    async with accounts_in(tmp_path) as daemon:
        await daemon.add(ANNA, PASSWORD)
        await daemon.add(BORIS, PASSWORD)
        anna, boris = await daemon.sign_in("anna", PASSWORD), await daemon.sign_in("boris", PASSWORD)
        assert anna is not None and boris is not None
        changes: list[AccessChange] = []
        noticed = asyncio.Event()

        def listen(change: AccessChange) -> None:
            changes.append(change)
            if change.ended_operators:
                noticed.set()

        daemon.subscribe(listen)
        async with accounts_in(tmp_path) as command_line:
            await command_line.set_password("anna", "новый пароль 8")
        await until(noticed)
        assert changes[-1].ended_operators == {"anna"}
        assert changes[-1].ended_sessions == {hashed(anna.token)}
        assert daemon.use_session(hashed(anna.token)) is None
        assert daemon.use_session(hashed(boris.token)) == BORIS
        assert await daemon.sign_in("anna", PASSWORD) is None
        assert await daemon.sign_in("anna", "новый пароль 8") is not None


async def test_an_operator_removed_and_added_again_between_two_looks_is_a_new_one(tmp_path: Path) -> None:
    async with accounts_in(tmp_path) as daemon:
        await daemon.add(ANNA, PASSWORD)
        anna = await daemon.sign_in("anna", PASSWORD)
        assert anna is not None
        ended: list[frozenset[OperatorId]] = []
        noticed = asyncio.Event()

        def listen(change: AccessChange) -> None:
            ended.append(change.ended_operators)
            if change.ended_operators:
                noticed.set()

        daemon.subscribe(listen)
        async with accounts_in(tmp_path) as command_line:
            await command_line.remove("anna")
            await command_line.add(ANNA, PASSWORD)
        await until(noticed)
        assert daemon.use_session(hashed(anna.token)) is None


async def test_removing_what_is_not_there_says_so(tmp_path: Path) -> None:
    async with accounts_in(tmp_path) as accounts:
        with pytest.raises(NoSuchAccount, match="there is no operator anna"):
            await accounts.remove("anna")
        with pytest.raises(NoSuchAccount, match="there is no operator anna"):
            await accounts.set_password("anna", PASSWORD)
        with pytest.raises(NoSuchAccount, match="there is no key crm"):
            await accounts.remove_key("crm")


async def test_a_key_of_before_keys_had_a_purpose_is_for_tickets(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as old, old:
        old.executescript(store.MIGRATIONS[0])
        old.execute("INSERT INTO keys VALUES ('crm', ?, 1.0)", [hashed("cti_old")])
        old.execute("PRAGMA user_version = 1")
    async with accounts_in(tmp_path) as accounts:
        known = accounts.known_key("cti_old")
        assert known is not None
        assert known.purpose == KeyPurpose.TICKETS


async def test_a_key_for_something_unheard_of_is_good_for_nothing_and_keeps_nobody_out(tmp_path: Path) -> None:
    async with accounts_in(tmp_path) as accounts:
        await accounts.add(ANNA, PASSWORD)
        key = await accounts.add_key("crm")
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as later, later:
        later.execute("UPDATE keys SET purpose = 'listening'")
    async with accounts_in(tmp_path) as accounts:
        assert await accounts.sign_in("anna", PASSWORD)
        known = accounts.known_key(key)
        assert known is not None
        assert known.purpose not in set(KeyPurpose)
        await accounts.remove_key("crm")


async def test_a_key_is_known_until_it_is_removed(tmp_path: Path) -> None:
    async with accounts_in(tmp_path) as accounts:
        key = await accounts.add_key("crm")
        known = accounts.known_key(key)
        assert known is not None
        assert (known.name, known.purpose) == ("crm", KeyPurpose.TICKETS)
        assert accounts.known_key(key + "x") is None
        with pytest.raises(AccountConflict, match="key crm exists already"):
            await accounts.add_key("crm")
        await accounts.remove_key("crm")
        assert accounts.known_key(key) is None


def test_a_ticket_is_good_for_one_hello_within_a_minute() -> None:
    clock = Clock(0.0)
    tickets = Tickets(clock=clock)
    ticket = tickets.issue(OperatorId("anna"))
    late = tickets.issue(OperatorId("anna"))
    clock.now = 59.9
    assert tickets.redeem(ticket) == "anna"
    assert tickets.redeem(ticket) is None
    assert tickets.redeem("made up") is None
    clock.now = 60.0
    assert tickets.redeem(late) is None


def test_open_tickets_are_bounded_and_expired_ones_make_room() -> None:
    clock = Clock(0.0)
    tickets = Tickets(clock=clock, limit=2)
    tickets.issue(OperatorId("anna"))
    clock.now = 30.0
    tickets.issue(OperatorId("anna"))
    with pytest.raises(TooManyTickets):
        tickets.issue(OperatorId("anna"))
    clock.now = 60.0
    tickets.issue(OperatorId("anna"))
