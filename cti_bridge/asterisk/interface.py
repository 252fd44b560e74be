"""Names of channels and the interfaces they belong to."""

import re

_SUFFIX = re.compile(r"-[0-9a-f]{8,}(;[12])?$")


def interface_of(channel_name: str) -> str:
    """The interface of a channel, such as `PJSIP/101` of `PJSIP/101-0000002f`; of a Local channel without its half."""
    return _SUFFIX.sub("", channel_name)
