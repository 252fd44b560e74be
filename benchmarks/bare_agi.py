"""The peer of the decision: a bare asyncio FastAGI server on uvloop that knows its answers beforehand.

    python -m benchmarks.bare_agi       stdin: {"host": …, "port": …, "answers": [[command, …], …]}; then until its end

A caller whose number ends in N gets the commands at N modulo their number: as many and as long as the bridge's.
"""

import asyncio
import json
import re
import sys

import uvloop

from benchmarks.processes import READY

_NUMBER = re.compile(rb"agi_callerid: \+(\d+)\n")


async def main() -> None:
    """Serve until stdin ends."""
    told = json.loads(sys.stdin.readline())
    answers = [[command.encode() + b"\n" for command in commands] for commands in told["answers"]]

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = _NUMBER.search(await reader.readuntil(b"\n\n"))
        assert number is not None
        for command in answers[int(number[1]) % len(answers)]:
            writer.write(command)
            await reader.readline()
        writer.close()

    server = await asyncio.start_server(converse, told["host"], told["port"], backlog=256)
    print(READY, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main())
