"""The generic CRM as its page describes it, asked on loopback: its whole example, or a few lines beside it."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from cti_bridge.crm.generic.adapter import GenericCrm
from cti_bridge.crm.generic.settings import GenericModel, opened
from cti_bridge.crm.links import Links
from cti_bridge.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent.parent
AMI = "pbxes: [{ami: {secret_file: ami.secret}}]\n"
_FENCE = re.compile(r"^```yaml\n(crm:\n.*?)^```$", re.MULTILINE | re.DOTALL)


def whole_example(url: str) -> str:
    """The example of the page, for the CRM at this address."""
    (block,) = _FENCE.findall((ROOT / "docs" / "crm" / "generic.md").read_text("utf-8"))
    return str(block).replace("https://crm.example", url)


def settings_of(block: str, folder: Path, *, secret: str = "geheim") -> Settings:
    """The settings with this `crm:` block. Raises SettingsError."""
    (folder / "ami.secret").write_text("geheim\n", "utf-8")
    (folder / "crm.secret").write_text(secret + "\n", "utf-8")
    (folder / "cti-bridge.yaml").write_text(AMI + block, "utf-8")
    return load_settings(folder / "cti-bridge.yaml")


def opened_from(
    block: str, folder: Path, links: Links, *, secret: str = "geheim", clock: Callable[[], float] = time.time
) -> GenericCrm:
    """The CRM of this block, as the bridge opens it."""
    settings = settings_of(block, folder, secret=secret)
    model = settings.crm.model
    assert isinstance(model, GenericModel)
    return opened(
        model,
        region="RU",
        stages=settings.crm.stages,
        folder=folder,
        data_dir=folder,
        links=links,
        clock=clock,
    )
