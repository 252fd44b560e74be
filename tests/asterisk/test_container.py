"""Asterisk as its container has it: started from the files that the container's entry makes."""

import os
import subprocess
from pathlib import Path

from demo.asterisk import REPOSITORY, AsteriskInstance
from demo.lab import Lab


class FromTheEntry(AsteriskInstance):
    """An Asterisk whose configuration was filled in by the entry of the container."""

    def _write_folders(self) -> None:
        super()._write_folders()
        etc = self.workdir / "etc"
        owner = etc.stat()
        for path in etc.glob("*.conf"):
            path.unlink()
        docker = REPOSITORY / "docker/asterisk"
        values = {name: str(value) for name, value in self._values().items()}
        subprocess.run(
            [docker / "start", docker / "etc", REPOSITORY / "dialplan", etc, "true"],
            env={"PATH": os.defpath, **values}, check=True, timeout=30,
        )  # fmt: skip
        for path in etc.glob("*.conf"):
            os.chown(path, owner.st_uid, owner.st_gid)


async def test_it_starts_without_a_word_of_complaint_and_lets_the_bridge_in(
    asterisk_root: Path, tmp_path: Path
) -> None:
    async with FromTheEntry(asterisk_root, tmp_path / "it", agi="agi://127.0.0.1:4573/route") as asterisk:
        assert " WARNING[" not in asterisk.log
        assert " ERROR[" not in asterisk.log
        bridge = Lab(asterisk.address, asterisk.ami_port, asterisk.ami_username, asterisk.ami_secret)
        await bridge.connect()
        try:
            assert await bridge.event("FullyBooted")
        finally:
            await bridge.close()
        assert "agi://127.0.0.1:4573/route" in await asterisk.lab.command("dialplan show globals")
