"""The private application: is the bridge alive, are the things it depends on, and what has it counted."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from cti_bridge.readiness import Readiness


class Probes:
    """The answers of the private listener."""

    def __init__(self, readiness: Readiness, registry: CollectorRegistry) -> None:
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

    def _sources(self, status: int) -> web.Response:
        sources = {
            source.name: {"state": source.state.value, "reason": source.reason} for source in self._readiness.all()
        }
        return web.json_response({"sources": sources}, status=status, headers={"Cache-Control": "no-store"})


def private_app(readiness: Readiness, registry: CollectorRegistry) -> web.Application:
    """The application behind the private listener."""
    probes = Probes(readiness, registry)
    app = web.Application(client_max_size=1024)
    app.add_routes(
        [
            web.get("/healthz", probes.healthz),
            web.get("/readyz", probes.readyz),
            web.get("/metrics", probes.metrics),
        ]
    )
    return app
