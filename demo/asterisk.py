"""Real Asterisks for the demo and the tests, isolated from each other and from the machine.

    root = await build_root(cache)
    async with AsteriskInstance(root, workdir, agi="agi://127.0.0.1:4573/route") as asterisk:
        await asterisk.add_member("sales", "PJSIP/101", name="Мария")
        print(asterisk.address, asterisk.ami_port, await asterisk.lab.command("queue show"))

Each instance has folders of its own below `workdir` and a small network of its own inside 127/8:
Asterisk on `.1`, the callers of the trunk on `.2`, the operators' phones on `.3`. So all ports are
the usual ones and never clash. Asterisk runs as the user `asterisk` of the root file system, in
mount and PID namespaces that the kernel ends when the process that started it ends, however it does.

That tie (PDEATHSIG) is to the *thread* that called `start`: it must live as long as the instance
should. The main thread, where event loops usually run, is right.
"""

import asyncio
import os
import random
import re
import secrets
import shutil
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from demo.lab import Lab, LabError

REPOSITORY = Path(__file__).resolve().parent.parent
SIP_PORT = 5060
AMI_PORT = 5038
ARI_PORT = 8088
PHONES = ("101", "102", "103", "104", "105", "106")
"""Extensions of the operators' phones; phone 101 is the interface `PJSIP/101`."""

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_FOLDERS = ("etc", "lib", "log", "spool", "run")
_PLACEHOLDER = re.compile(r"@([A-Z][A-Z_]*)@")
_TIED = (
    "setpriv", "--pdeathsig", "KILL",
    "unshare", "--mount", "--pid", "--fork", "--kill-child",
)  # fmt: skip
_LAB_USER = """\
[lab]
secret = {secret}
read = all
write = all
writetimeout = 1000
"""


class AsteriskError(RuntimeError):
    """Asterisk could not be built or started; the text has its last words."""


def render(text: str, values: Mapping[str, str | int]) -> str:
    """Fill in the words between two @ of a configuration file or scenario.

    Raises KeyError for a word that `values` does not have.
    """
    return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), text)


async def build_root(cache: Path) -> Path:
    """Build the root file system in `cache` if it is not there yet, and return its path.

    Progress goes to stderr. The first time takes up to a minute, afterwards nothing is done.
    Raises AsteriskError when it cannot be built.
    """
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "KILL", str(REPOSITORY / "docker/asterisk/build"), str(cache),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, _ = await process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise AsteriskError("the root file system of Asterisk could not be built (see above)")
    return Path(out.decode().strip())


class AsteriskInstance:
    """One running Asterisk with the configuration of `docker/asterisk/etc` and our dialplan.

    Public values, valid from the start: `address` (SIP, AMI and ARI), `trunk_address` (where calls of
    the trunk must come from), `phone_address`, `sip_port`, `ami_port`, `ami_username`,
    `ami_secret`, `ari_port`, `ari_username`, `ari_secret`, `system_name`, `workdir`, `records` (the files in
    which it writes calls down, as the settings name them), and `lab`, the
    administrator's AMI connection.
    """

    def __init__(
        self,
        root: Path,
        workdir: Path,
        *,
        agi: str = "",
        system_name: str = "main",
        extensions: str = "",
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Describe an instance; nothing is written or started before `start`.

        `root` comes from `build_root`; `workdir` is created, and kept afterwards. `agi` is the
        global `CTI_AGI`; `extensions` is further dialplan text, `more` further configuration files by
        their path below `etc`; `modules.d/*.conf` and `pjsip.d/*.conf` are included, and the words
        between two @ are filled in.
        """
        self.root, self.workdir = root, workdir
        self.agi, self.system_name = agi, system_name
        self.sip_port, self.ami_port = SIP_PORT, AMI_PORT
        self.ami_username, self.ami_secret = "cti", secrets.token_hex(16)
        self.records = {"queue_log": workdir / "log/queue_log", "cel": workdir / "log/cti-cel.csv"}
        self.ari_port, self.ari_username, self.ari_secret = ARI_PORT, "cti", secrets.token_hex(16)
        self._lab_secret = secrets.token_hex(16)
        self._extensions = extensions
        self._more = dict(more or {})
        self.address, self.trunk_address, self.phone_address = _free_network()
        self.lab = self._new_lab()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop it at once."""
        await self.kill()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def log(self) -> str:
        """What Asterisk has written to its log (notices, warnings, errors)."""
        return self._text("log/messages.log") + self._text("log/console")

    async def start(self, within: float = 30.0) -> None:
        """Start and return when AMI has said FullyBooted and SIP is bound, after about a second.

        Members, pauses and penalties of an earlier run of the same instance are still there; the
        configuration is written afresh. Raises AsteriskError with the log's end when it fails.
        """
        if self.running:
            raise AsteriskError("already running")
        self._write_folders()
        with (self.workdir / "log/console").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *_TIED, str(REPOSITORY / "docker/asterisk/enter"), str(self.root),
                str(self.workdir), cwd="/", env={"PATH": _PATH, "LANG": "C.UTF-8"},
                stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        try:
            async with asyncio.timeout(within):
                await self._wait_ready()
        except BaseException as error:
            await self.kill()
            if isinstance(error, (TimeoutError, LabError)):
                raise AsteriskError(f"Asterisk did not start:\n{self.log[-3000:]}") from error
            raise

    async def stop(self, within: float = 10.0) -> None:
        """Stop as an administrator would (`core stop now`); kill it after `within` seconds."""
        if self._process is not None and self.running:
            with suppress(LabError, OSError, TimeoutError):
                await self.lab.command("core stop now")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), within)
        await self.kill()

    async def restart(self, within: float = 30.0) -> None:
        """Restart as an administrator would (`core restart now`); returns when it is ready again, without calls.

        Raises AsteriskError with the log's end when it fails.
        """
        ended = self.lab
        with suppress(LabError, OSError, TimeoutError):
            await ended.command("core restart now")
        try:
            async with asyncio.timeout(within):
                while ended.connected:
                    await asyncio.sleep(0.01)
                await ended.close()
                await self._wait_ready()
        except (TimeoutError, LabError) as error:
            raise AsteriskError(f"Asterisk did not restart:\n{self.log[-3000:]}") from error

    async def kill(self) -> None:
        """End it like a power cut and wait until its addresses are free; may be called twice."""
        await self.lab.close()
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._process = None
        async with asyncio.timeout(30):
            while not _is_free(self.address):
                await asyncio.sleep(0.01)

    async def add_member(self, queue: str, interface: str, *, name: str = "", penalty: int = 0) -> None:
        """Add an operator's phone (`PJSIP/101`) to a queue, as a dynamic member."""
        await self.lab.action(
            "QueueAdd", Queue=queue, Interface=interface, MemberName=name or interface,
            Penalty=penalty,
        )  # fmt: skip

    async def remove_member(self, queue: str, interface: str) -> None:
        """Take a member out of a queue; LabError when it is not in there."""
        await self.lab.action("QueueRemove", Queue=queue, Interface=interface)

    async def remove_all_members(self) -> None:
        """Empty all queues, so that the next test finds none of this one's members."""
        start = self.lab.mark()
        await self.lab.action("QueueStatus")
        await self.lab.event("QueueStatusComplete", since=start)
        for member in self.lab.events("QueueMember", since=start):
            await self.remove_member(member["Queue"], member["Location"])

    async def channels(self) -> int:
        """Count the channels that exist at this moment."""
        start = self.lab.mark()
        await self.lab.action("CoreShowChannels")
        end = await self.lab.event("CoreShowChannelsComplete", since=start)
        return int(end["ListItems"])

    async def hang_up_all(self, within: float = 30.0) -> None:
        """End every call and wait until no channel is left."""
        async with asyncio.timeout(within):
            while await self.channels():
                await self.lab.command("channel request hangup all")
                await asyncio.sleep(0.02)

    def _new_lab(self) -> Lab:
        return Lab(self.address, self.ami_port, "lab", self._lab_secret)

    def _text(self, name: str) -> str:
        path = self.workdir / name
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _values(self) -> dict[str, str | int]:
        modules = next(self.root.glob("usr/lib/*/asterisk/modules"))
        return {
            "ADDRESS": self.address,
            "TRUNK_ADDRESS": self.trunk_address,
            "PHONE_ADDRESS": self.phone_address,
            "SIP_PORT": self.sip_port,
            "AMI_PORT": self.ami_port,
            "AMI_SECRET": self.ami_secret,
            "ARI_PORT": self.ari_port,
            "ARI_SECRET": self.ari_secret,
            "AGI_URL": self.agi,
            "SYSTEM_NAME": self.system_name,
            "SOUNDS": "/var/lib/asterisk/sounds",
            "MULTIARCH": modules.parents[1].name,
        }

    def _write_folders(self) -> None:
        """Write the instance's folders, readable and writable for its user and nobody else."""
        for folder in _FOLDERS:
            (self.workdir / folder).mkdir(parents=True, exist_ok=True)
        etc = self.workdir / "etc"
        values = self._values()
        for source in (REPOSITORY / "docker/asterisk/etc").glob("*.conf"):
            (etc / source.name).write_text(render(source.read_text("utf-8"), values), "utf-8")
        for source in (REPOSITORY / "dialplan").glob("*.conf"):
            shutil.copyfile(source, etc / source.name)
        shutil.copytree(REPOSITORY / "dialplan/sounds", self.workdir / "lib/sounds", dirs_exist_ok=True)
        for name, text in {
            "manager.d/lab.conf": _LAB_USER.format(secret=self._lab_secret),
            "extensions.d/more.conf": self._extensions,
            **{name: render(text, values) for name, text in self._more.items()},
        }.items():
            (etc / name).parent.mkdir(exist_ok=True)
            (etc / name).write_text(text, "utf-8")
        (self.workdir / "run/asterisk").mkdir(exist_ok=True)
        (self.workdir / "hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")
        uid, gid = _asterisk_user(self.root)
        for folder in _FOLDERS:
            for path in (self.workdir / folder, *(self.workdir / folder).rglob("*")):
                os.chown(path, uid, gid)
                path.chmod(0o700 if path.is_dir() else 0o600)

    async def _wait_ready(self) -> None:
        self.lab = self._new_lab()
        while True:
            if not self.running:
                raise LabError("the process ended")
            try:
                await self.lab.connect()
                break
            except OSError:
                await asyncio.sleep(0.02)
        if "loopback" not in await self.lab.command("pjsip show transports"):
            raise LabError("no SIP transport")


def _asterisk_user(root: Path) -> tuple[int, int]:
    """User and group id of `asterisk` in the root file system."""
    for line in (root / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == "asterisk":
            return int(fields[2]), int(fields[3])
    raise AsteriskError(f"no user asterisk in {root}")


def _free_network() -> tuple[str, str, str]:
    """Pick addresses for Asterisk, trunk and phones that nobody uses."""
    for _ in range(100):
        network = f"127.{random.randint(16, 250)}.{random.randint(0, 255)}"
        if _is_free(f"{network}.1"):
            return f"{network}.1", f"{network}.2", f"{network}.3"
    raise AsteriskError("no free loopback address")


def _is_free(address: str) -> bool:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as ami,
    ):
        ami.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sip.bind((address, SIP_PORT))
            ami.bind((address, AMI_PORT))
        except OSError:
            return False
    return True
