"""Typed identifiers, so that one kind of id cannot be passed where another is meant."""

import re
from typing import NewType

CallId = NewType("CallId", str)
"""Names a call for its whole life: `<pbx>-<linkedid at arrival>`."""

ChannelId = NewType("ChannelId", str)
"""The Uniqueid of one channel (one leg); any text, because an originator may choose it."""

CustomerId = NewType("CustomerId", str)
"""The CRM's own id of a customer."""

DealId = NewType("DealId", str)
"""The CRM's own id of a deal."""

OperatorId = NewType("OperatorId", str)
"""Sign-in name of an operator, `[a-z0-9._-]{1,32}`."""


_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9_.:@+-]")
_LONGEST_LINKEDID = 90


def call_id_for(pbx: str, linkedid: str) -> CallId:
    """The call id of a channel that arrived on `pbx` with this linkedid.

    Where Asterisk's `systemname` already is the PBX's name, its ids start with it and it is not put in front twice.
    An originator can choose any text as id, so what could not stand in a channel variable, a file name or a URL
    becomes `_`.
    """
    prefix = f"{pbx}-"
    plain = _NOT_IN_AN_ID.sub("_", linkedid)[:_LONGEST_LINKEDID]
    return CallId(plain if plain.startswith(prefix) else prefix + plain)
