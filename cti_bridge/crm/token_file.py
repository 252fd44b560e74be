"""Where the tokens of a CRM are kept: one small file that only its owner reads, replaced whole or not at all."""

import contextlib
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


def read_tokens(path: Path, *, first_refresh: str) -> Tokens | None:
    """The tokens in the file; None when there is none, it is broken, or it began with another first refresh token.

    Then somebody has signed in anew and put a new one into the settings, and what was kept is of no use. Raises
    OSError for a file that is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            kept = json.loads(file.read(_LONGEST_FILE))
    except FileNotFoundError:
        return None
    except ValueError:
        return None
    if not isinstance(kept, dict) or kept.get("began_with") != _mark(first_refresh):
        return None
    return _tokens(kept)


def write_tokens(path: Path, tokens: Tokens, *, first_refresh: str) -> None:
    """Put these tokens in the place of those before; they are on the disk when this returns. Raises OSError."""
    kept = {
        "access": tokens.access,
        "refresh": tokens.refresh,
        "expires_at": tokens.expires_at,
        "began_with": _mark(first_refresh),
    }
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _mark(first_refresh: str) -> str:
    """Tells one first refresh token from another without being one."""
    return hashlib.sha256(first_refresh.encode()).hexdigest()


def _tokens(kept: dict[str, Any]) -> Tokens | None:
    access, refresh, expires_at = kept.get("access"), kept.get("refresh"), kept.get("expires_at")
    if not isinstance(access, str) or not isinstance(refresh, str) or not isinstance(expires_at, int | float):
        return None
    return Tokens(access, refresh, float(expires_at))
