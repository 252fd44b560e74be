"""`/ws`: one page's websocket, from the handshake to the goodbye."""

import asyncio

import structlog
from aiohttp import WSMsgType, web

from cti_bridge.domain.operator import Operator
from cti_bridge.operators import protocol
from cti_bridge.operators.connection import Connection, Frame, Goodbye
from cti_bridge.operators.protocol import ClientFrame, CloseCode, Hello, ProtocolError
from cti_bridge.operators.token_bucket import TokenBucket
from cti_bridge.web.answers import Refusal
from cti_bridge.web.session import session_of
from cti_bridge.web.site import SITE, PublicSite

log = structlog.get_logger(__name__)

_ENDED = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


async def websocket(request: web.Request) -> web.StreamResponse:
    """`GET /ws`: the upgrade; who it is, is asked afterwards. The origin has been checked already."""
    site = request.app[SITE]
    offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if protocol.PROTOCOL not in offered:
        raise Refusal(400, "wrong_protocol", f"a websocket with subprotocol {protocol.PROTOCOL} is expected")
    if site.strangers.locked():
        raise Refusal(503, "busy", "too many connections have not said hello yet", retry_after_s=5)
    socket = web.WebSocketResponse(
        protocols=(protocol.PROTOCOL,),
        heartbeat=site.hub.times.heartbeat,
        timeout=site.limits.close_s,
        autoping=False,
        compress=False,
        max_msg_size=site.limits.frame_bytes,
    )
    page = Page(site, request, socket)
    async with site.strangers:
        await socket.prepare(request)
        connection = await page.enter()
    if connection is not None:
        await page.stay(connection)
    return socket


class Page:
    """One websocket: reads what the page says and writes what the hub has for it."""

    def __init__(self, site: PublicSite, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._site = site
        self._socket = socket
        self._transport = request.transport
        self._session = session_of(request)
        limits = site.limits
        self._bucket = TokenBucket(
            limits.frames_per_s, limits.frames_at_once, site.monotonic(), earned=limits.frames_waiting
        )
        self._hold: asyncio.TimerHandle | None = None
        self._commands: set[asyncio.Task[None]] = set()

    async def enter(self) -> Connection | None:
        """Wait for `hello` and find out who it is; None when the page is gone or was sent away."""
        try:
            async with asyncio.timeout(self._site.limits.hello_s):
                frame = await self._receive(None)
        except TimeoutError:
            entered: Connection | Goodbye = Goodbye(CloseCode.NO_HELLO, "no hello came")
        except ProtocolError as error:
            entered = _at_fault(error)
        else:
            if frame is None:
                return None
            entered = self._admitted(frame)
        if isinstance(entered, Connection):
            return entered
        await self._say_goodbye(entered)
        return None

    async def stay(self, connection: Connection) -> None:
        """Serve the page until either side ends it."""
        hub = self._site.hub
        hub.attach(connection)
        self._bucket.widen(connection.replayed)
        if connection.session is None:
            self._hold_on(connection)
        writer = asyncio.create_task(self._write(connection), name=f"page-{connection.operator.id}")
        try:
            await self._read(connection)
            if connection.goodbye is not None:
                await writer
        finally:
            hub.detach(connection)
            if self._hold is not None:
                self._hold.cancel()
            writer.cancel()
            for waiting in self._commands:  # the commands themselves go on
                waiting.cancel()
            await asyncio.gather(writer, *self._commands, return_exceptions=True)

    def _admitted(self, frame: ClientFrame) -> Connection | Goodbye:
        if not isinstance(frame, Hello):
            return Goodbye(CloseCode.NO_HELLO, "the first frame must be a hello")
        session = None if frame.ticket else self._session
        operator = self._owner(frame.ticket) if frame.ticket else self._signed_in(session)
        if operator is None:
            return Goodbye(CloseCode.REFUSED, "no valid session or ticket")
        return Connection(operator, session, resume=frame.resume, limit=self._site.limits.frames_waiting)

    async def _read(self, connection: Connection) -> None:
        try:
            while (frame := await self._receive(connection)) is not None:
                self._obey(connection, frame)
        except ProtocolError as error:
            goodbye = _at_fault(error)
            log.info("page_broke_protocol", operator=connection.operator.id, reason=error.code)
            connection.end(goodbye.code, goodbye.reason)

    async def _receive(self, connection: Connection | None) -> ClientFrame | None:
        """The next frame, None when the socket is closed. Every message counts, pings as well."""
        while True:
            message = await self._socket.receive()
            if message.type in _ENDED:
                return None
            if not self._bucket.take(self._site.monotonic()):
                raise ProtocolError("too_fast", f"more than {self._site.limits.frames_per_s:g} frames per second")
            if connection is not None and connection.session and self._signed_in(connection.session) is None:
                connection.end(CloseCode.SESSION_OVER, "the session is over")
                return None
            if message.type is WSMsgType.TEXT:
                return protocol.decode(message.data)
            if message.type is WSMsgType.BINARY:
                raise ProtocolError("not_text", "only text frames are understood")
            if message.type is WSMsgType.PING:
                try:
                    await self._socket.pong(message.data)
                except ConnectionError:
                    return None

    def _obey(self, connection: Connection, frame: ClientFrame) -> None:
        match frame:
            case protocol.Ack(seq, paint_ms):
                self._site.hub.acknowledge(connection, seq, paint_ms)
            case protocol.Ping():
                connection.send(Frame(protocol.PONG))
            case protocol.Command():
                self._carry_out(connection, frame)
            case protocol.Renew(ticket):
                self._renew(connection, ticket)
            case protocol.Hello():
                raise ProtocolError("second_hello", "hello is said once")

    def _carry_out(self, connection: Connection, command: protocol.Command) -> None:
        """Have a command done beside the reading; its result goes to this page, if it is still there."""
        task = asyncio.create_task(self._result(connection, command), name=f"page-command-{command.name}")
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _result(self, connection: Connection, command: protocol.Command) -> None:
        result = await self._site.commands.carry_out(
            connection.operator, command.id, command.name, command.args, now=self._site.monotonic()
        )
        connection.send(Frame(result))

    def _renew(self, connection: Connection, ticket: str) -> None:
        owner = self._owner(ticket)
        if owner is None or owner.id != connection.operator.id:
            connection.end(CloseCode.REFUSED, "the ticket is not valid")
            return
        if connection.session is None:  # a page with a session lives and ends with that, whatever it shows besides
            self._hold_on(connection)

    def _hold_on(self, connection: Connection) -> None:
        if self._hold is not None:
            self._hold.cancel()
        seconds = self._site.limits.ticket_hold_s
        loop = asyncio.get_running_loop()
        self._hold = loop.call_later(seconds, connection.end, CloseCode.SESSION_OVER, "the ticket was not renewed")

    async def _write(self, connection: Connection) -> None:
        while True:
            item = await connection.next()
            if isinstance(item, Goodbye):
                await self._say_goodbye(item)
                return
            if item.call_id:
                self._bucket.earn()  # the page has to confirm it, however busy its operator's phone is
            try:
                async with asyncio.timeout(self._site.limits.send_s):
                    await self._socket.send_frame(item.to_bytes(), WSMsgType.TEXT)
            except TimeoutError:
                self._site.hub.too_slow(connection)
            except ConnectionError:
                return
            else:
                self._site.hub.sent(connection, item)

    async def _say_goodbye(self, goodbye: Goodbye) -> None:
        """Send `bye` and close with its code; whoever does not take it in time is cut off."""
        try:
            async with asyncio.timeout(self._site.limits.close_s):
                await self._socket.send_frame(protocol.bye(goodbye.code, goodbye.reason), WSMsgType.TEXT)
                await self._socket.close(code=goodbye.code, message=goodbye.reason.encode()[:100])
        except (TimeoutError, ConnectionError):
            self._cut_off()

    def _cut_off(self) -> None:
        """End the line without waiting. What the kernel has taken still reaches a page that merely reads late."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def _owner(self, ticket: str) -> Operator | None:
        owner = self._site.tickets.redeem(ticket)
        return self._site.accounts.directory.get(owner) if owner else None

    def _signed_in(self, session: str | None) -> Operator | None:
        return self._site.accounts.use_session(session) if session else None


def _at_fault(error: ProtocolError) -> Goodbye:
    return Goodbye(CloseCode.PROTOCOL_ERROR, f"{error.code}: {error}")
