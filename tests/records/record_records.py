"""Records what Asterisk writes down of `calls/recorder`: `python tests/records/record_records.py [NAME …]`.

Beside what the bridge's AMI user hears (`NAME.ami`) the lines of CEL and queue_log from the same run are kept
(`NAME.cel`, `NAME.queue_log`), so that one can stand in for the other. Run it as root from the repository; CTI_CACHE
says where Asterisk's root file system is. A recording is kept as it is.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "calls")]

from recorder.direct import STORIES as DIRECT  # noqa: E402 - found by that line
from recorder.features import STORIES as FEATURES  # noqa: E402
from recorder.outbound import STORIES as OUTBOUND  # noqa: E402
from recorder.pickups import STORIES as PICKUPS  # noqa: E402
from recorder.place import EXTENSIONS, MORE  # noqa: E402
from recorder.queues import STORIES as QUEUES  # noqa: E402
from recorder.stage import RINGS, Stage  # noqa: E402
from recorder.steps import STORIES as STEPS  # noqa: E402
from recorder.transfers import STORIES as TRANSFERS  # noqa: E402
from recorder.waiting import STORIES as WAITING  # noqa: E402

from demo.asterisk import AsteriskInstance, build_root  # noqa: E402
from demo.lab import Lab  # noqa: E402
from demo.sip import Phones  # noqa: E402

FILES = HERE / "stories"
SUBJECTS = (QUEUES, STEPS, DIRECT, PICKUPS, TRANSFERS, FEATURES, WAITING, OUTBOUND)
PLAYED = {story.__name__: story for subject in SUBJECTS for story in subject if story.__name__ != "asterisk_stopped"}
"""Without the one at whose end there is no Asterisk that would go on writing."""
RECORDS = {"cel": "log/cti-cel.csv", "queue_log": "log/queue_log"}


async def record(asterisk: AsteriskInstance, name: str) -> None:
    """Play one story and keep what was heard and what was written."""
    files = {kind: asterisk.workdir / path for kind, path in RECORDS.items()}
    began_at = {kind: file.stat().st_size if file.exists() else 0 for kind, file in files.items()}
    async with (
        Lab(asterisk.address, asterisk.ami_port, asterisk.ami_username, asterisk.ami_secret) as ear,
        Phones(asterisk, dict.fromkeys(("101", "102", "103", "104"), RINGS)) as phones,
    ):
        began = ear.mark()
        await PLAYED[name](Stage(asterisk, ear, phones))
        await asyncio.sleep(0.5)
        heard = ear.events(since=began)
    text = "\n".join("".join(f"{key}: {value}\n" for key, value in event.items()) for event in heard)
    (FILES / f"{name}.ami").write_text(text, "utf-8")
    for kind, file in files.items():
        (FILES / f"{name}.{kind}").write_bytes(file.read_bytes()[began_at[kind] :])
    print(f"{name}: {len(heard)} events", flush=True)


async def main(names: list[str]) -> None:
    root = await build_root(Path(os.environ.get("CTI_CACHE", HERE.parents[1] / ".cache")))
    with tempfile.TemporaryDirectory(prefix="records-") as folder:
        async with AsteriskInstance(root, Path(folder) / "pbx", extensions=EXTENSIONS, more=MORE) as asterisk:
            for name in names or PLAYED:
                await asterisk.lab.set_global("CTI_DEFAULT_QUEUE", "sales")
                await record(asterisk, name)
                if not asterisk.running:
                    await asterisk.start()
                await asterisk.hang_up_all()
                await asterisk.remove_all_members()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
