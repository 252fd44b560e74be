"""Passwords: kept as argon2id, computed on threads of their own so that neither the loop nor a call waits for them."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

MIN_PASSWORD = 8
MAX_PASSWORD = 256
"""Limits of a new password, in characters."""

T = TypeVar("T")


class TooBusy(Exception):
    """More passwords are waiting to be checked than this machine gets done in reasonable time."""


def password_problem(password: str) -> str | None:
    """What is wrong with a new password, as a sentence for a person; None when it can be used."""
    if len(password) < MIN_PASSWORD:
        return f"a password has at least {MIN_PASSWORD} characters"
    if len(password) > MAX_PASSWORD:
        return f"a password has at most {MAX_PASSWORD} characters"
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in password):
        return "a password has no control characters"
    return None


class Passwords:
    """Hashes and verifies passwords, at most `workers` at a time and with at most `waiting` more in line.

    The costs are OWASP's smallest for argon2id: 19 MiB, two passes, one lane. Two at once stay below 40 MiB.
    """

    def __init__(self, *, workers: int = 2, waiting: int = 64) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._nobody = self._hasher.hash("nobody has this password")
        self._threads = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="passwords")
        self._room = workers + waiting

    async def hash(self, password: str) -> str:
        """The text to store for this password. Raises TooBusy."""
        return await self._submit(lambda: self._hasher.hash(_canonical(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one; without a stored one the answer is no and takes just as long.

        Raises TooBusy when too many are in line already.
        """
        return await self._submit(lambda: self._verify(stored, password))

    def close(self) -> None:
        """Give the threads back; what still waits in line is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, stored: str | None, password: str) -> bool:
        try:
            matches = self._hasher.verify(stored or self._nobody, _canonical(password))
        except (Argon2Error, InvalidHashError):
            return False
        return matches and stored is not None

    async def _submit(self, work: Callable[[], T]) -> T:
        if self._room == 0:
            raise TooBusy
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._room += 1


def _canonical(password: str) -> bytes:
    # The same letters arrive composed from one keyboard and decomposed from another.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
