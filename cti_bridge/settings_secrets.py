"""What the settings only point to: secrets, certificates and keys, read and checked before anything is started."""

import base64
import ssl
from pathlib import Path

from pydantic import BaseModel

from cti_bridge.settings_model import Misfit, SecretModel, read_secret, trusted_by
from cti_bridge.settings_schema import AmiModel, AriModel


def signs(secret: str) -> bool:
    """Whether a webhook can be signed with this secret."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return secret.startswith("whsec_") and 24 <= len(key) <= 64


def check_secrets(part: object, folder: Path, at: tuple[int | str, ...]) -> None:
    """Read the secrets of a part of the settings, and of the parts inside it, only to know that they can be read.

    Raises Misfit.
    """
    if isinstance(part, SecretModel):
        read_secret(part, folder, at)
    if isinstance(part, BaseModel):
        for name in type(part).model_fields:
            check_secrets(getattr(part, name), folder, (*at, name))
    elif isinstance(part, tuple | list):
        for index, item in enumerate(part):
            check_secrets(item, folder, (*at, index))
    elif isinstance(part, dict):
        for name, item in part.items():
            check_secrets(item, folder, (*at, name))


def client_tls(line: AmiModel | AriModel, folder: Path, at: tuple[int | str, ...]) -> ssl.SSLContext | None:
    """How the line to Asterisk is encrypted, None where it is not. Raises Misfit."""
    return trusted_by(line.tls_ca, folder, (*at, "tls_ca")) if line.tls else None


def check_certificate(cert_file: Path, key_file: Path) -> None:
    """Raises Misfit when our page could not be served with these."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert_file, key_file)
    except OSError as error:
        raise Misfit(("web", "public", "tls"), f"{cert_file}, {key_file}: {error.strerror or error}") from error
