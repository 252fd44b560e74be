"""The operator page: one HTML file and its assets, as `make ui` builds them."""

from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"
"""Where the built page is."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""What an asset can be; other files are not served."""


class BuiltPage:
    """Serves the page from the folder it was built into."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def index(self, _request: web.Request) -> web.StreamResponse:
        """`GET /`: the page itself, asked for anew every time, so that a new version arrives with a reload."""
        index = self._folder / "index.html"
        if not index.is_file():
            return web.Response(status=503, text="The operator page has not been built: run make ui\n")
        headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache"}
        return web.FileResponse(index, headers=headers)

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """`GET /assets/NAME`: a file whose name changes with its content, so that it is never asked for again."""
        # The route lets one plain file name through, so nothing outside the folder can be meant.
        file = self._folder / "assets" / request.match_info["name"]
        content_type = _TYPES.get(file.suffix)
        if content_type is None or not file.is_file():
            raise web.HTTPNotFound
        headers = {"Content-Type": content_type, "Cache-Control": "public, max-age=31536000, immutable"}
        return web.FileResponse(file, headers=headers)
