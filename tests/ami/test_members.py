"""What AMI says of queue members, in our words; and what is said to it, which no text can turn into another header."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from hostile_texts import TEXTS

from cti_bridge.asterisk.ami import members
from cti_bridge.asterisk.ami.hints import hint_of, phones_of
from cti_bridge.asterisk.ami.protocol import ActionRefused, build_action
from cti_bridge.asterisk.ami.translate import Headers
from cti_bridge.domain.member import About, Member, MemberChanged, MemberKey, MemberRemoved, MembersReloaded

PAUSED = {
    "Event": "QueueMemberPause", "Queue": "sales", "MemberName": "Лейла", "Interface": "PJSIP/101",
    "StateInterface": "PJSIP/101", "Membership": "dynamic", "Penalty": "2", "Status": "1", "Paused": "1",
    "PausedReason": "обед",
}  # fmt: skip
"""As a running Asterisk 22 sent it."""
LEYLA = Member("sales", "PJSIP/101", "PJSIP/101", paused=True, reason="обед", penalty=2)


class Asterisk:
    """Keeps what it is told; lists these members."""

    def __init__(self, *entries: Headers, hints: Mapping[str, str] | None = None) -> None:
        self.told: list[dict[str, str]] = []
        self._entries = entries
        self._hints = hints

    async def ask(
        self, headers: Mapping[str, str], *, take: Callable[[Headers], None] | None = None
    ) -> Sequence[Headers]:
        build_action(headers)
        self.told.append(dict(headers))
        for entry in self._entries if take else ():
            assert take is not None
            take(entry)
        if headers["Action"] == "ExtensionState":
            if self._hints is None:
                raise ActionRefused("Permission denied")
            return [{"Response": "Success", "Hint": self._hints.get(f"{headers['Exten']}@{headers['Context']}", "")}]
        return []


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("QueueMemberPause", About.PAUSE), ("QueueMemberAdded", About.ADDED), ("QueueMemberPenalty", About.PENALTY),
        ("QueueMemberStatus", About.STATE), ("QueueMemberRinginuse", About.STATE),
    ],
)  # fmt: skip
def test_what_was_done_to_a_member(name: str, about: About) -> None:
    assert members.heard(PAUSED | {"Event": name}) == MemberChanged(LEYLA, about)


def test_a_member_who_is_taken_out() -> None:
    assert members.heard(PAUSED | {"Event": "QueueMemberRemoved"}) == MemberRemoved(MemberKey("sales", "PJSIP/101"))


@pytest.mark.parametrize(("module", "counts"), [("All", True), ("app_queue.so", True), ("res_pjsip.so", False)])
def test_a_reload_counts_where_it_is_about_queues(module: str, counts: bool) -> None:
    said = members.heard({"Event": "Reload", "Module": module, "Status": "0"})
    assert said == (MembersReloaded() if counts else None)


@pytest.mark.parametrize(("status", "available"), [("1", True), ("2", True), ("6", True), ("4", False), ("5", False)])
def test_a_phone_that_cannot_be_reached(status: str, available: bool) -> None:
    heard = members.heard(PAUSED | {"Event": "QueueMemberStatus", "Status": status})
    assert isinstance(heard, MemberChanged) and heard.member.available is available


def test_a_member_behind_a_local_channel_has_several_names() -> None:
    heard = members.heard(PAUSED | {"Interface": "Local/101@agents/n"})
    assert isinstance(heard, MemberChanged)
    assert heard.member.phones == ("Local/101@agents/n", "Local/101@agents", "PJSIP/101")


@pytest.mark.parametrize(
    ("state_interface", "hint"),
    [
        ("hint:101@ext-local", "101@ext-local"), ("Hint:101@ext-local", "101@ext-local"), ("hint:101", "101"),
        ("PJSIP/101", ""), ("hint:", ""), ("hint:101@", ""), ("hint:101)@x", ""), ("hint:1,SHELL(id)@x", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_state_interface_that_is_a_hint(state_interface: str, hint: str) -> None:
    assert hint_of(state_interface) == hint


@pytest.mark.parametrize(
    ("value", "phones"),
    [
        ("PJSIP/101&Custom:DND101,CustomPresence:101", ("PJSIP/101",)),
        ("PJSIP/9101 & PJSIP/9102", ("PJSIP/9101", "PJSIP/9102")),
        ("Custom:DND101", ()), (",CustomPresence:101", ()), ("", ()),
    ],
)  # fmt: skip
def test_the_phones_in_a_hint(value: str, phones: tuple[str, ...]) -> None:
    assert phones_of(value) == phones


async def test_the_dialplan_is_asked_once_for_each_hint_and_for_nothing_else() -> None:
    asterisk = Asterisk(hints={"101@ext-local": "PJSIP/101&Custom:DND101"})
    asked = ["hint:101@ext-local", "PJSIP/102", "hint:101@ext-local", "hint:103@ext-local"]
    found = await members.phones_behind(asterisk, asked)
    assert found == {"hint:101@ext-local": ("PJSIP/101",), "hint:103@ext-local": ()}
    assert len(asterisk.told) == 2
    assert await members.phones_behind(Asterisk(), asked) == dict.fromkeys(found, ())


@pytest.mark.parametrize("header", ["Queue", "Interface", "Paused", "Penalty", "PausedReason", "StateInterface"])
def test_a_header_that_stands_twice_makes_an_event_worthless(header: str) -> None:
    assert members.heard(PAUSED | {header: ["1", "2"]}) is None


@pytest.mark.parametrize("missing", ["Queue", "Interface"])
def test_an_event_without_what_it_is_about_says_nothing(missing: str) -> None:
    assert members.heard({name: value for name, value in PAUSED.items() if name != missing}) is None


@pytest.mark.parametrize("penalty", ["-1", "x", "", "99999999999999999999"])
def test_a_penalty_that_is_none_is_none(penalty: str) -> None:
    heard = members.heard(PAUSED | {"Penalty": penalty})
    assert isinstance(heard, MemberChanged) and heard.member.penalty == 0


async def test_the_list_of_all_members() -> None:
    entry = {name: value for name, value in PAUSED.items() if name not in ("Event", "Interface")}
    asterisk = Asterisk(
        entry | {"Event": "QueueMember", "Location": "PJSIP/101"}, {"Event": "QueueParams", "Queue": "sales"}
    )
    assert await members.all_members(asterisk) == {LEYLA.key: LEYLA}


async def test_a_pause_says_whose_and_why() -> None:
    asterisk = Asterisk()
    await members.pause(asterisk, "PJSIP/101", paused=True, reason="lunch")
    await members.pause(asterisk, "PJSIP/101", paused=False, reason="", queue="sales")
    away = {"Action": "QueuePause", "Interface": "PJSIP/101", "Paused": "true", "Reason": "lunch"}
    back = {"Action": "QueuePause", "Interface": "PJSIP/101", "Paused": "false", "Queue": "sales"}
    assert asterisk.told == [away, back]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_no_reason_becomes_a_header_and_none_keeps_him_from_his_break(text: str) -> None:
    asterisk = Asterisk()
    await members.pause(asterisk, "PJSIP/101", paused=True, reason=text)
    (told,) = asterisk.told
    assert (told["Action"], told["Paused"]) == ("QueuePause", "true")
    assert told.get("Reason", text) == text
    assert "\n" not in told.get("Reason", "") and "\r" not in told.get("Reason", "")


@pytest.mark.parametrize("text", ["sales\r\nAction: Originate", "sales\nX: y", "a\x00b"])
async def test_an_interface_or_queue_with_a_line_break_is_not_sent(text: str) -> None:
    asterisk = Asterisk()
    with pytest.raises(ValueError, match="control character"):
        await members.penalise(asterisk, text, 10, queue="sales")
    with pytest.raises(ValueError, match="control character"):
        await members.penalise(asterisk, "PJSIP/101", 10, queue=text)
    assert asterisk.told == []
