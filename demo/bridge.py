"""The bridge as a real process: `cti-bridge run` with settings of its own, on addresses of its own.

    bridge = Bridge(folder, asterisk)
    await bridge.cli("crm", "import", "customers.csv")
    await bridge.start()
    ...
    await bridge.stop()

FastAGI and the private listener are on the loopback address of its Asterisk, so that several bridges never meet; the
operator page is on 127.0.0.1 at `page_port`.
"""

import asyncio
import json
import signal
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from demo.asterisk import REPOSITORY, AsteriskInstance

AGI_PORT, PRIVATE_PORT = 4573, 8089
START_S = 60.0
STOP_S = 8.0
_LOG_KEPT = 2_000
_LONGEST_LINE = 1_000_000


class BridgeError(RuntimeError):
    """The bridge did not start or a command failed; the text has its last words."""


class Bridge:
    """One `cti-bridge` installation: folder with settings and data, and the process when it runs."""

    def __init__(
        self,
        folder: Path,
        asterisk: AsteriskInstance,
        *,
        page_port: int,
        rules: Path | None = None,
        crm: dict[str, Any] | None = None,
    ) -> None:
        """Write the settings; nothing runs before `start`.

        `rules` is the shipped file unless another is given, `crm` that part of the settings for another CRM than the
        embedded one.
        """
        self.folder, self.page_port = folder, page_port
        self.settings = folder / "cti-bridge.yaml"
        self.data = folder / "data"
        self.rules = rules or REPOSITORY / "config" / "routing.yaml"
        self.agi_url = f"agi://{asterisk.address}:{AGI_PORT}/route"
        self.page_url = f"http://127.0.0.1:{page_port}"
        self.private_url = f"http://{asterisk.address}:{PRIVATE_PORT}"
        self.log: deque[str] = deque(maxlen=_LOG_KEPT)
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._write(asterisk, crm or {})

    def _write(self, asterisk: AsteriskInstance, crm: dict[str, Any]) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        for name, secret in {"ami.secret": asterisk.ami_secret, "ari.secret": asterisk.ari_secret}.items():
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text(secret)
        ami = {"host": asterisk.address, "port": asterisk.ami_port, "username": asterisk.ami_username}
        ari = {"host": asterisk.address, "port": asterisk.ari_port, "username": asterisk.ari_username}
        self.write_settings(
            {
                "data_dir": "data",
                "rules": str(self.rules.resolve()),
                "pbxes": [
                    {
                        "name": asterisk.system_name,
                        "ami": {**ami, "secret_file": "ami.secret"},
                        "ari": {**ari, "secret_file": "ari.secret"},
                        "agi": {"host": asterisk.address, "port": AGI_PORT},
                        "records": {name: str(path) for name, path in asterisk.records.items()},
                    }
                ],
                "web": {
                    "public": {"host": "127.0.0.1", "port": self.page_port},
                    "private": {"host": asterisk.address, "port": PRIVATE_PORT},
                },
                "log": {"format": "json"},
                **({"crm": crm} if crm else {}),
            }
        )

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Replace the settings file; JSON is YAML, and needs no thought about quoting."""
        self.settings.write_text(json.dumps(settings, indent=2, ensure_ascii=False), "utf-8")

    def read_settings(self) -> dict[str, Any]:
        """The settings as they are in the file."""
        settings: dict[str, Any] = json.loads(self.settings.read_text("utf-8"))
        return settings

    @property
    def pid(self) -> int:
        """Process id of the running bridge."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    async def start(
        self, *, ready: Sequence[str] = ("asterisk", "crm", "journal", "rules"), within: float = START_S
    ) -> None:
        """Start it and return when these sources are up. Raises BridgeError with its last words."""
        self._process = await asyncio.create_subprocess_exec(
            *self.command("run"),
            cwd=REPOSITORY,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        self._reading = asyncio.create_task(self._read_log(self._process), name="bridge log")
        try:
            await self.until(ready, within=within)
        except TimeoutError:
            raise BridgeError(self.last_words("the bridge does not get ready")) from None

    async def until(self, up: Sequence[str], *, within: float = START_S) -> None:
        """Wait until these sources are up. Raises TimeoutError, or BridgeError when the process ended."""
        async with asyncio.timeout(within):
            while True:
                sources = await self.sources()
                if sources and all(sources[name]["state"] == "up" for name in up):
                    return
                if not self.running:
                    raise BridgeError(self.last_words("the bridge ended"))
                await asyncio.sleep(0.02)

    async def sources(self) -> dict[str, dict[str, str]]:
        """What `/readyz` says of each source; nothing while nobody answers."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http,
                http.get(f"{self.private_url}/readyz") as answer,
            ):
                body: dict[str, dict[str, dict[str, str]]] = await answer.json()
                return body["sources"]
        return {}

    def command(self, *arguments: str) -> tuple[str, ...]:
        """One command of `cti-bridge` with these settings, as a child that dies with this process."""
        return _tied("-m", "cti_bridge", *arguments, "--config", str(self.settings))

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def stop(self) -> int | None:
        """End it with SIGTERM and return its exit code; kill it when it takes longer than eight seconds."""
        if self._process is None:
            return None
        with suppress(ProcessLookupError):
            self._process.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_S)
        return await self.kill()

    async def kill(self) -> int | None:
        """End it with SIGKILL, if it still runs; may be called twice. Returns its exit code."""
        if self._process is None:
            return None
        with suppress(ProcessLookupError):
            self._process.kill()
        code = await self._process.wait()
        if self._reading is not None:
            await self._reading
        return code

    async def ended(self, within: float = 10.0) -> int:
        """Wait until the process has ended by itself and return its exit code."""
        assert self._process is not None
        code = await asyncio.wait_for(self._process.wait(), within)
        if self._reading is not None:
            await self._reading
        return code

    async def run(self, *arguments: str, answer: str = "") -> tuple[int, str, str]:
        """Run one command of `cti-bridge` with these settings; exit code, stdout and stderr come back."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*arguments),
            cwd=REPOSITORY,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(120):
                out, err = await process.communicate(answer.encode())
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")

    async def add_operator(self, operator: str, name: str, *phones: str, password: str, crm_user: str = "") -> None:
        """Add an operator. Raises BridgeError when that is refused."""
        options = [word for phone in phones for word in ("--phone", phone)]
        code, _, err = await self.run(
            "operators", "add", operator, "--name", name, *options, "--crm-user", crm_user or operator,
            "--password-stdin", answer=password,
        )  # fmt: skip
        if code:
            raise BridgeError(f"operator {operator} cannot be added: {err.strip()}")

    def events(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log with this event name."""
        lines = [json.loads(line) for line in self.log if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]

    def last_words(self, what: str) -> str:
        """What happened, with the end of the log."""
        return "\n".join([f"{what}; the last it said:", *list(self.log)[-10:]])

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        with (self.folder / "bridge.log").open("ab") as file:
            while line := await process.stderr.readline():
                file.write(line)
                file.flush()
                self.log.append(line.decode("utf-8", "replace").rstrip())


def _tied(*arguments: str) -> tuple[str, ...]:
    """The command that runs our Python as a child that dies with this process."""
    return "setpriv", "--pdeathsig", "KILL", sys.executable, *arguments
