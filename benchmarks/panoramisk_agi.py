"""The peer that most people would write: panoramisk's FastAGI Application, which knows its answers beforehand.

    python -m benchmarks.panoramisk_agi      stdin: {"host": …, "port": …, "answers": [[command, …], …]}; until its end

A caller whose number ends in N gets the commands at N modulo their number: as many and as long as the bridge's.
"""

import asyncio
import json
import sys
from typing import Any

import uvloop
from panoramisk import fast_agi

from benchmarks.processes import READY


async def main() -> None:
    """Serve until stdin ends."""
    told = json.loads(sys.stdin.readline())
    answers: list[list[str]] = told["answers"]

    async def route(request: Any) -> None:
        number = int(request.headers["agi_callerid"].lstrip("+"))
        for command in answers[number % len(answers)]:
            await request.send_command(command)

    application = fast_agi.Application()
    application.add_route("route", route)
    server = await asyncio.start_server(application.handler, told["host"], told["port"], backlog=256)
    print(READY, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
