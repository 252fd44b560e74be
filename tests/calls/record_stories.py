"""Records the stories in `stories/` from a real Asterisk: `python tests/calls/record_stories.py [NAME …]`.

Each is what the bridge's own AMI user hears, event filter included, while SIPp's callers and phones play the story.
Phone 101 belongs to olga, 102 to timur, 103 to zoya, as in the tests that replay them; 104 plays somebody outside.

To record one again, or a new one: write it into the file of its subject in `recorder/` and name it in `STORIES` there,
run this with its name as root from the repository (the first time builds Asterisk's root file system, as `make demo`
does; CTI_CACHE says where), and say in `expected/` what it comes to. Stamps and ids differ from one recording to
the next, and so does the order of events that are less than 3 ms apart; the expectations hold for all of them.
A recording is kept as it is: one that was improved by hand would prove nothing. Who calls and is called are samples:
numbers from +7 495 000-00-00 to 000-09-99, and invented names.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from recorder import desk, direct, features, outbound, pickups, queues, steps, transfers, waiting  # noqa: E402
from recorder.place import EXTENSIONS, MORE  # noqa: E402
from recorder.stage import RINGS, Stage  # noqa: E402

from demo.asterisk import AsteriskInstance, build_root  # noqa: E402 - found only by the line before
from demo.lab import Lab  # noqa: E402
from demo.sip import Phones  # noqa: E402

FILES = Path(__file__).parent / "stories"
SUBJECTS = (queues, steps, direct, pickups, transfers, features, waiting, desk, outbound)
SAME_EVERYWHERE = (
    *("Privilege", "SystemName", "Language", "AccountCode", "ChannelState", "Cause-txt"),
    *("BridgeName", "BridgeCreator", "BridgeVideoSourceMode"),
)
"""Headers that say the same in every event here, or again what another one says; they would be a quarter of a file."""
PLAYED = {story.__name__: story for subject in SUBJECTS for story in subject.STORIES}


async def record(asterisk: AsteriskInstance, name: str) -> None:
    """Play one story and write down what was heard."""
    async with (
        Lab(asterisk.address, asterisk.ami_port, asterisk.ami_username, asterisk.ami_secret) as ear,
        Phones(asterisk, dict.fromkeys(("101", "102", "103", "104"), RINGS)) as phones,
    ):
        began = ear.mark()
        await PLAYED[name](Stage(asterisk, ear, phones))
        await asyncio.sleep(0.3)
        assert ear.connected or not asterisk.running
        heard = ear.events(since=began)
    text = "\n".join(
        "".join(f"{key}: {value}\n" for key, value in event.items() if not key.endswith(SAME_EVERYWHERE))
        for event in heard
    )
    folder = FILES / "outbound" if PLAYED[name] in outbound.STORIES else FILES
    (folder / f"{name}.ami").write_text(text, "utf-8")
    print(f"{name}: {len(heard)} events")


async def main(names: list[str]) -> None:
    root = await build_root(Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache")))
    with tempfile.TemporaryDirectory(prefix="stories-") as folder:
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
