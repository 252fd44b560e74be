"""What follows the last step: a queue, the promise to call back, a voicemail box, or the admin's own dialplan."""

import difflib
import re
from collections.abc import Mapping

from cti_bridge.domain.decision import Facts
from cti_bridge.domain.number import NumberKind
from cti_bridge.routing.document import Node
from cti_bridge.routing.problems import Problems, quoted, suggestion
from cti_bridge.routing.scalars import read_text

CALLBACK = "callback"
"""The caller is told that he will be called back."""
MAX_FINAL = 128
"""Characters of a `final`, because it becomes a channel variable."""

_KINDS = {
    "queue": "queue:NAME",
    CALLBACK: CALLBACK,
    "voicemail": "voicemail:BOX",
    "goto": "goto:CONTEXT/EXTEN/PRIORITY",
}
_WAYS = f"write {', '.join(f'`{way}`' for way in _KINDS.values())}"
_VOICEMAIL = re.compile(r"voicemail:[A-Za-z0-9_.+-]+(?:@[A-Za-z0-9_.-]+)?")
_GOTO = re.compile(r"goto:([A-Za-z0-9_.-]+)/[A-Za-z0-9_.+-]+/([A-Za-z][A-Za-z0-9_-]*|[1-9][0-9]{0,3})")
_OWN_CONTEXT = "cti-"
"""With this begin the contexts that asked for the decision: to go back there would be a loop."""
_DIALLED = re.compile(r"\+?[0-9]{3,15}")
"""A text that somebody can dial, although it is no valid number: a SIP user's name is none."""
PATTERN = rf"^(?:queue:.+|{CALLBACK}|{_VOICEMAIL.pattern}|{_GOTO.pattern})$"
"""What the file's schema says of it, which does not know the queues."""


def read_final(node: Node, queues: Mapping[str, int], problems: Problems) -> str | None:
    """A `final` as it is written in the file and told to the dialplan; None and a mistake when it cannot be."""
    text = read_text(node, "`final`", problems)
    if text is None:
        return None
    mistake = _mistake(text, queues)
    if mistake is None:
        return text
    problems.add(node, *mistake)
    return None


def final_for(final: str, facts: Facts, otherwise: str) -> str:
    """The `final` that this caller gets: nobody is promised a call whose number is hidden, a colleague's, or no number.

    Such a caller would wait for it in vain, because no list of missed calls has him or nobody can dial what it has; he
    stays in the queue `otherwise`.
    """
    return f"queue:{otherwise}" if final == CALLBACK and not _reachable(facts) else final


def _reachable(facts: Facts) -> bool:
    kind = facts.get("call.kind")
    if kind == NumberKind.UNPARSED:
        return _DIALLED.fullmatch(str(facts.get("call.caller"))) is not None
    return kind not in (NumberKind.ANONYMOUS, NumberKind.INTERNAL)


def final_in_words(final: str, planned: str) -> str:
    """For people: what becomes of the caller, and why where the rule had `planned` something else for him."""
    if final != planned:
        return f"{final} (nobody can be called back there, so not {planned})"
    kind, _, place = final.partition(":")
    words = {
        CALLBACK: "he is told that he will be called back, and is in the list of missed calls",
        "voicemail": f"he may leave a message in the box {place}",
        "goto": f"the admin's own dialplan goes on with him at {place}",
    }
    return f"{final} ({words[kind]})" if kind in words else final


def _mistake(text: str, queues: Mapping[str, int]) -> tuple[str, str] | None:
    """What is wrong with this text and what to do about it."""
    kind, _, value = text.partition(":")
    if text == CALLBACK or (kind == "queue" and value in queues):
        return None
    if kind == "queue" and value:
        return f"queue {quoted(value)} is not in `queues`", suggestion(value, queues, "add it to `queues`")
    if len(text) > MAX_FINAL:
        return f"`final` {quoted(text)} is longer than {MAX_FINAL} characters", ""
    if kind in ("voicemail", "goto") and value:
        return _wrong_place(kind, text)
    return f"`final` {quoted(text)} is not possible", _meant(kind, text, queues)


def _meant(kind: str, text: str, queues: Mapping[str, int]) -> str:
    """The way of writing that is closest to this one; all of them where none is close."""
    if text in queues:
        return f"did you mean `queue:{text}`?"
    if kind in _KINDS:
        return f"write `{_KINDS[kind]}`"
    close = difflib.get_close_matches(kind[:40], _KINDS, n=1)
    return f"did you mean `{_KINDS[close[0]]}`?" if close else _WAYS


def _wrong_place(kind: str, text: str) -> tuple[str, str] | None:
    """The same of a box or of a place in the dialplan."""
    if kind == "voicemail":
        hint = "a box is `100` or `100@CONTEXT`, of letters, digits and _ . + -"
        return None if _VOICEMAIL.fullmatch(text) else (f"`final` {quoted(text)} is not possible", hint)
    place = _GOTO.fullmatch(text)
    if place is None:
        hint = "write `goto:CONTEXT/EXTEN/PRIORITY`, such as `goto:night/s/1`"
        return f"`final` {quoted(text)} is not possible", hint
    if place[1].startswith(_OWN_CONTEXT):
        return f"`final` {quoted(text)} leads back into cti-bridge", "name a context of your own dialplan"
    return None
