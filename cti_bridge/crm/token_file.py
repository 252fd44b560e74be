"""Where the tokens of a CRM are kept: one small file that only its owner reads, replaced whole or not at all.

Several processes may use it: whoever renews locks the folder that it is in, which needs no further file. A command that
root runs leaves the file to the owner of the folder, or the daemon could not read it any more.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LONGEST_FILE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token, the refresh token that gets the next one, and when the first one ends (seconds since 1970).

    `access` is empty when there is none yet.
    """

    access: str
    refresh: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Kept:
    """What is in the file: the tokens, and the mark of the first refresh token that they began with."""

    tokens: Tokens
    began_with: str


def mark_of(first_refresh: str) -> str:
    """Tells one first refresh token from another without being one."""
    return hashlib.sha256(first_refresh.encode()).hexdigest()


def read_tokens(path: Path) -> Kept | None:
    """What is in the file; None when there is none or it is broken.

    Raises OSError for a file that is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            kept = json.loads(file.read(_LONGEST_FILE))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return _kept(kept) if isinstance(kept, dict) else None


def write_tokens(path: Path, kept: Kept) -> None:
    """Put these tokens in the place of those before; they are on the disk when this returns. Raises OSError."""
    tokens = kept.tokens
    written = {
        "access": tokens.access,
        "refresh": tokens.refresh,
        "expires_at": tokens.expires_at,
        "began_with": kept.began_with,
    }
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(written, file)
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise
    folder = _folder(path.parent)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def locked(folder: Path) -> int | None:
    """A lock on this folder, made where it is not there yet; None while another process has it.

    It holds until the descriptor is closed, or its process ends. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = _folder(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _folder(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _kept(kept: dict[str, Any]) -> Kept | None:
    access, refresh, expires_at = kept.get("access"), kept.get("refresh"), kept.get("expires_at")
    if not isinstance(access, str) or not isinstance(refresh, str) or not isinstance(expires_at, int | float):
        return None
    return Kept(Tokens(access, refresh, float(expires_at)), str(kept.get("began_with")))
