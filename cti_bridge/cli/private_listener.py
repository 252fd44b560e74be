"""Where commands find the running daemon: its private listener, by the settings."""

from cti_bridge.settings import WebSettings

CONNECT_S = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where the daemon listens on every address


def private_url(web: WebSettings, path: str) -> str:
    """The URL of this path there; `path` begins with a slash."""
    host = _EVERYWHERE.get(web.private_host, web.private_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{web.private_port}{path}"
