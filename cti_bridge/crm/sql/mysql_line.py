"""The line to a MySQL or MariaDB server: the driver's connection, with an encryption that cannot be talked out of.

The driver takes the socket away from its transport to encrypt it, which uvloop does not allow, and it goes on without
encryption when the server says that it has none, password included. Both are put right here, at one place.
"""

import struct
from typing import Any

import aiomysql
import pymysql
from aiomysql.connection import MAX_PACKET_LEN
from pymysql.charset import charset_by_name
from pymysql.constants import CLIENT

from cti_bridge.crm.sql.connections import DatabasePlace

_CHARSET = "utf8mb4"
_IN_CLEAR = frozenset({"mysql_clear_password", "mysql_old_password"})


class QuietCursor(aiomysql.SSCursor):
    """Rows as they come, none more than are asked for; warnings of the server, which may hold values, are not shown."""

    async def _show_warnings(self, conn: Any) -> None:
        """Nothing: they would be Python warnings, and a question more."""


class MysqlLine(aiomysql.Connection):
    """A line that is not connected yet; `connect` first."""

    def __init__(self, place: DatabasePlace) -> None:
        self._tls = place.tls if not place.socket else None
        super().__init__(
            host=place.host,
            port=place.port,
            unix_socket=str(place.socket) if place.socket else None,
            user=place.user,
            password=place.secret,
            db=place.database,
            charset=_CHARSET,
            autocommit=True,
            connect_timeout=place.limit_s,
            client_flag=CLIENT.FOUND_ROWS | (CLIENT.SSL if self._tls else 0),
            program_name="cti-bridge",
        )

    @property
    def is_open(self) -> bool:
        """Whether both ends are still there, as far as is known."""
        return not self.closed and self._reader is not None and not self._reader.at_eof()

    async def connect(self) -> None:
        """Connect and sign in. Raises pymysql.MySQLError, OSError, and more where a server talks nonsense."""
        await self._connect()

    async def say_goodbye(self) -> None:
        """Tell the server that this was all, and close the line."""
        await self.ensure_closed()

    async def _request_authentication(self) -> None:
        """Encrypt the line, where it is to be, before anything is said on it; then sign in as the driver does."""
        if self._tls is not None:
            if not self.server_capabilities & CLIENT.SSL:
                raise pymysql.OperationalError(2026, "the server offers no encryption")
            charset = charset_by_name(_CHARSET).id
            self.write_packet(struct.pack("<iIB23s", self.client_flag, MAX_PACKET_LEN, charset, b""))
            await self._writer.start_tls(self._tls, server_hostname=self._host)
            self._secure = True
        self._keep_password(self._server_auth_plugin)
        await super()._request_authentication()

    async def _process_auth(self, plugin_name: bytes, auth_packet: Any) -> Any:
        """Sign in as the server asks for it at last, unless that would give the password away."""
        self._keep_password(plugin_name.decode("ascii", "replace"))
        return await super()._process_auth(plugin_name, auth_packet)

    def _keep_password(self, plugin_name: str) -> None:
        """Refuse to tell the password as it is on a line that is not encrypted, whoever asks at the server's port."""
        if plugin_name in _IN_CLEAR and not self._secure:
            raise pymysql.OperationalError(2059, f"the server wants the password in clear ({plugin_name})")
