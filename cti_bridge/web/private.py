"""The private application: is the bridge alive, are the things it depends on, what has it counted; and recordings.

These are for whoever can reach it. Having the rules loaded again takes a key.
"""

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from cti_bridge.asterisk.recording.recorder import Recorder
from cti_bridge.asterisk.recording.tap import TooManyListeners
from cti_bridge.readiness import Readiness
from cti_bridge.web.rule_reload import ReloadByHttp

SIGN_OF_LIFE_S = 1.0
"""A recording in which nothing happens has an empty line so often, so that a reader who has left is noticed."""
READER_S = 10.0
"""A reader of a recording who takes nothing for so long is given up."""


class Probes:
    """The answers of the private listener."""

    def __init__(self, readiness: Readiness, registry: CollectorRegistry, recorder: Recorder, mode: str) -> None:
        self._mode = mode
        self._recorder = recorder
        self._readiness = readiness
        self._registry = registry

    async def healthz(self, _request: web.Request) -> web.StreamResponse:
        """`GET /healthz`: 200 as long as the event loop turns."""
        return self._sources(200)

    async def readyz(self, _request: web.Request) -> web.StreamResponse:
        """`GET /readyz`: 200 when everything is up, else 503; calls are routed either way."""
        return self._sources(200 if self._readiness.ready else 503)

    async def metrics(self, _request: web.Request) -> web.StreamResponse:
        """`GET /metrics`: counters in the text format of Prometheus."""
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def recording(self, request: web.Request) -> web.StreamResponse:
        """`GET /recording`: what Asterisk says from now on, masked, one JSON object a line, until it is not read."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
        try:
            async with self._recorder.record() as recording:
                await response.prepare(request)
                text: str | None = recording.header
                while text is not None:
                    async with asyncio.timeout(READER_S):
                        await response.write((text or "\n").encode())
                    text = await recording.read(within_s=SIGN_OF_LIFE_S)
        except TooManyListeners as error:
            return web.Response(status=503, text=f"{error}\n")
        except (ConnectionResetError, TimeoutError):
            pass  # whoever read it has gone, or has stopped reading
        return response

    def _sources(self, status: int) -> web.Response:
        sources = {
            source.name: {
                "state": source.state.value,
                "reason": source.reason,
                **self._readiness.figures(source.name),
            }
            for source in self._readiness.all()
        }
        told = {"mode": self._mode, "sources": sources}
        return web.json_response(told, status=status, headers={"Cache-Control": "no-store"})


def private_app(
    readiness: Readiness, registry: CollectorRegistry, recorder: Recorder, reload: ReloadByHttp, *, mode: str
) -> web.Application:
    """The application behind the private listener; `mode` is that of the settings."""
    probes = Probes(readiness, registry, recorder, mode)
    app = web.Application(client_max_size=1024)
    app.add_routes(
        [
            web.get("/healthz", probes.healthz),
            web.get("/readyz", probes.readyz),
            web.get("/metrics", probes.metrics),
            web.get("/recording", probes.recording, allow_head=False),
            web.post("/api/v1/rules/reload", reload.answer),
        ]
    )
    return app
