"""Where recordings can be listened to: the admin publishes their folder somewhere, and a CRM is told the address."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from pydantic import Field, field_validator

from cti_bridge.crm.web_client import check_base_url
from cti_bridge.settings_model import StrictModel


class RecordingsModel(StrictModel):
    """What the settings say of it."""

    url: str
    folder: str = Field(default="/var/spool/asterisk/monitor", pattern=r"^/[^\x00]{0,1000}$")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return check_base_url(value)


@dataclass(frozen=True, slots=True)
class RecordingLinks:
    """What lies in `folder` is found below `url`."""

    url: str
    folder: str

    def link(self, file: str) -> str:
        """The address of a recording that Asterisk calls `file`; one that lies elsewhere is looked for by its name."""
        path = PurePosixPath(file)
        inside = ".." not in path.parts and path.is_relative_to(self.folder)
        path = path.relative_to(self.folder) if inside else PurePosixPath(path.name)
        return f"{self.url.rstrip('/')}/{quote(path.as_posix())}"
