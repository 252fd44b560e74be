"""Hints: names under which a dialplan knows phones. FreePBX names the state interface of its members so. Pure."""

import re

_HINT = re.compile(r"hint:([A-Za-z0-9_.*#+-]{1,80}(?:@[A-Za-z0-9_.-]{1,80})?)", re.IGNORECASE)


def hint_of(state_interface: str) -> str:
    """The hint that a member's state interface is, `101@ext-local` of `hint:101@ext-local`; empty where it is none."""
    found = _HINT.fullmatch(state_interface)
    return found[1] if found else ""


def question(hint: str) -> dict[str, str]:
    """The action that asks what the dialplan has at a hint; it tells in `Hint`."""
    extension, _, context = hint.partition("@")
    return {"Action": "ExtensionState", "Exten": extension, "Context": context or "default"}


def phones_of(value: str) -> tuple[str, ...]:
    """The phones in a hint as the dialplan has it, such as `PJSIP/101&Custom:DND101,CustomPresence:101`."""
    devices = (one.strip() for one in value.partition(",")[0].split("&"))
    return tuple(dict.fromkeys(one for one in devices if "/" in one))
