"""What the settings only point to: secrets, certificates and keys, read and checked before anything is started."""

import base64
import ssl
from pathlib import Path

from cti_bridge.settings_schema import AmiModel, AriModel, SecretModel


class Misfit(Exception):
    """What the settings name cannot be used; `at` is the path of the key that names it."""

    def __init__(self, at: tuple[int | str, ...], message: str) -> None:
        super().__init__(message)
        self.at = at


def signs(secret: str) -> bool:
    """Whether a webhook can be signed with this secret."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return secret.startswith("whsec_") and 24 <= len(key) <= 64


def read_secret(source: SecretModel, folder: Path, at: tuple[int | str, ...]) -> str:
    """The secret that `source` names; `at` is where the settings do. Raises Misfit."""
    if source.secret_file is None:
        return source.secret
    file, at = folder / source.secret_file, (*at, "secret_file")
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misfit(at, f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise Misfit(at, f"{file}: not UTF-8") from error
    if not secret:
        raise Misfit(at, f"{file} is empty")
    return secret


def client_tls(line: AmiModel | AriModel, folder: Path, at: tuple[int | str, ...]) -> ssl.SSLContext | None:
    """How the line to Asterisk is encrypted, None where it is not. Raises Misfit."""
    ca_file = folder / line.tls_ca if line.tls_ca else None
    try:
        return ssl.create_default_context(cafile=ca_file) if line.tls else None
    except OSError as error:  # also what OpenSSL says of a file without certificates
        raise Misfit((*at, "tls_ca"), f"{ca_file}: {error.strerror or error}") from error


def check_certificate(cert_file: Path, key_file: Path) -> None:
    """Raises Misfit when our page could not be served with these."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert_file, key_file)
    except OSError as error:
        raise Misfit(("web", "public", "tls"), f"{cert_file}, {key_file}: {error.strerror or error}") from error
