"""Random secrets that are given out once and kept only as a hash."""

import hashlib
import secrets

KEY_PREFIX = "cti_"
"""What every integration key starts with, so that scanners for leaked secrets can know it."""


def new_token() -> str:
    """A new random token of 256 bits, safe in a cookie or a header."""
    return secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """What is stored of a token. SHA-256 will do: 256 random bits cannot be guessed, so no slow hash is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
