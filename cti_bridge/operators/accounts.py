"""Operators' accounts, sessions and integration keys, kept in one SQLite file and read from memory.

The command line writes to the same file from another process; `watch` notices that within a second, and listeners
are told whose access has ended.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from cti_bridge.database import DatabaseThread, DatabaseUnusable
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators import store
from cti_bridge.operators.asked_states import AskedState, asked_states, delete_asked_states, insert_asked_state
from cti_bridge.operators.directory import NOBODY, Directory
from cti_bridge.operators.passwords import Passwords
from cti_bridge.operators.secrets import KEY_PREFIX, hashed, new_token
from cti_bridge.operators.sessions import SESSION_S, WRITE_EVERY_S, Sessions
from cti_bridge.operators.store import KeyPurpose, StoredKey, StoredSession

SESSIONS_PER_OPERATOR = 20
FILE_NAME = "operators.sqlite"
"""Name of the file in the data directory."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccessChange:
    """What a change of the accounts means for those who are connected right now."""

    directory: Directory
    ended_operators: frozenset[OperatorId]
    """Removed, or with a new password: nothing obtained before holds any longer."""
    ended_sessions: frozenset[str]
    """Token hashes of sessions that are over."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The outcome of a successful sign-in; `token` goes into the cookie and is kept nowhere."""

    operator: Operator
    token: str


class Accounts:
    """Who may sign in, who is signed in, and which programs may do what.

    Methods that touch the file raise DatabaseUnusable when it cannot be read or written.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        clock: Callable[[], float] = time.time,
        session_s: float = SESSION_S,
        poll_s: float = 1.0,
        passwords: Passwords | None = None,
    ) -> None:
        self._database = DatabaseThread(data_dir / FILE_NAME, store.MIGRATIONS, name="operators")
        self._clock = clock
        self._session_s = session_s
        self._poll_s = poll_s
        self._passwords = passwords or Passwords()
        self._sessions = Sessions(lasts_s=session_s)
        self._keys: dict[str, StoredKey] = {}
        self._credentials: dict[OperatorId, str] = {}
        self._well = True
        self._listeners: list[Callable[[AccessChange], None]] = []
        self.on_signed_out: Callable[[OperatorId], None] = lambda operator: None
        """Called on the loop when an operator has signed out and has no other session left."""
        self._version: int | None = None
        self._loading = asyncio.Lock()
        self.directory: Directory = NOBODY
        """The operators as of now; replaced as a whole whenever one changes."""

    async def open(self) -> None:
        """Open or create the file and read it."""
        await self._database.open()
        await self.refresh()

    async def close(self) -> None:
        """Write down what is only in memory and close the file."""
        self._passwords.close()
        try:
            await self._write_uses(at_least_s=0.0)
        except DatabaseUnusable as error:
            log.warning("session_times_not_written", error=str(error))
        await self._database.close()

    def subscribe(self, listener: Callable[[AccessChange], None]) -> None:
        """Have the listener called, on the loop, after every change of the accounts."""
        self._listeners.append(listener)

    async def watch(self) -> None:
        """Follow changes by other processes and write down the uses of sessions, until cancelled."""
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                if not self._well or await self._database.run(store.data_version) != self._version:
                    await self.refresh()
                await self._write_uses(at_least_s=WRITE_EVERY_S)
            except DatabaseUnusable as error:
                self.unreadable(error)
            else:
                if not self._well:
                    log.info("operator_accounts_readable")
                self._well = True

    def unreadable(self, error: DatabaseUnusable) -> None:
        """The file cannot be read: say so once, until it can be read again."""
        if self._well:
            log.error("operator_accounts_unreadable", error=str(error))
        self._well = False

    async def refresh(self) -> None:
        """Read the file again and tell the listeners what changed."""
        async with self._loading:
            self._version, contents = await self._database.run(lambda db: (store.data_version(db), store.load(db)))
            self._take_over(contents)

    async def add(self, operator: Operator, password: str) -> None:
        """Add an operator. Raises AccountConflict naming the owner of what is taken already."""
        stored = await self._passwords.hash(password)
        await self._database.run(lambda db: store.insert_operator(db, operator, stored))
        await self.refresh()

    async def set_password(self, operator: str, password: str) -> None:
        """Give an operator a new password; all his sessions and connections end. Raises NoSuchAccount."""
        stored = await self._passwords.hash(password)
        await self._database.run(lambda db: store.change_password(db, operator, stored))
        await self.refresh()

    async def remove(self, operator: str) -> None:
        """Remove an operator; all his sessions and connections end. Raises NoSuchAccount."""
        await self._database.run(lambda db: store.delete_operator(db, operator))
        await self.refresh()

    async def sign_in(self, login: str, password: str) -> SignedIn | None:
        """Check a password and begin a session; None when login or password is wrong. Raises TooBusy."""
        found = await self._database.run(lambda db: store.password_of(db, login))
        stored, credential = found or (None, "")
        if not await self._passwords.verify(stored, password):
            return None
        token, now = new_token(), self._clock()
        session = StoredSession(hashed(token), OperatorId(login), now)
        # A session whose latest use is not written down yet must not be taken for an expired one.
        expired_before = now - self._session_s - 2 * WRITE_EVERY_S
        added = await self._database.run(
            lambda db: store.insert_session(
                db, session, credential, expired_before=expired_before, per_operator=SESSIONS_PER_OPERATOR
            )
        )
        await self.refresh()
        operator = self.directory.get(login)
        return SignedIn(operator, token) if added and operator else None

    def use_session(self, token_hash: str) -> Operator | None:
        """The operator whose session this is (`hashed(token)`), which counts as used now; None when it is over."""
        session = self._sessions.use(token_hash, self._clock())
        return self.directory.get(session.operator) if session else None

    async def sign_out(self, token_hash: str) -> None:
        """End one session."""
        operator = self._sessions.operator_of(token_hash)
        await self._database.run(lambda db: store.delete_session(db, token_hash))
        await self.refresh()
        if operator is not None and not self._sessions.any_of(operator, self._clock()):
            self.on_signed_out(operator)

    async def add_key(self, name: str, purpose: KeyPurpose = KeyPurpose.TICKETS) -> str:
        """Make a key for this and nothing else, and give it back, the only time it can be read.

        Raises AccountConflict.
        """
        key = KEY_PREFIX + new_token()
        stored = StoredKey(name, hashed(key), self._clock(), purpose)
        await self._database.run(lambda db: store.insert_key(db, stored))
        await self.refresh()
        return key

    async def remove_key(self, name: str) -> None:
        """Make a key worthless. Raises NoSuchAccount."""
        await self._database.run(lambda db: store.delete_key(db, name))
        await self.refresh()

    async def ask_state(self, asked: AskedState) -> None:
        """Have the daemon put an operator into a state. Raises NoSuchAccount."""
        await self._database.run(lambda db: insert_asked_state(db, asked))

    async def asked_states(self) -> list[AskedState]:
        """The states that were asked for on the machine, and that nobody has taken."""
        return await self._database.run(asked_states)

    async def states_taken(self, done: list[AskedState]) -> None:
        """These have been seen to."""
        await self._database.run(lambda db: delete_asked_states(db, done))

    def integration_keys(self) -> tuple[StoredKey, ...]:
        """All keys, ordered by name; of each only the hash is known."""
        return tuple(self._keys.values())

    def known_key(self, key: str) -> StoredKey | None:
        """What is known of this key, or None when it is none of ours."""
        return self._keys.get(hashed(key))

    def _take_over(self, contents: store.Contents) -> None:
        ended_operators = frozenset(
            operator for operator, known in self._credentials.items() if contents.credentials.get(operator) != known
        )
        self.directory = Directory.of(contents.operators)
        self._credentials = contents.credentials
        self._keys = {key.key_hash: key for key in contents.keys}
        change = AccessChange(self.directory, ended_operators, self._sessions.replace(contents.sessions))
        for listener in self._listeners:
            listener(change)

    async def _write_uses(self, *, at_least_s: float) -> None:
        used = self._sessions.unwritten(at_least_s=at_least_s)
        if used:
            await self._database.run(lambda db: store.write_last_used(db, used))
            self._sessions.written(used)
