"""Operators are treated as wanted: confirmed by what Asterisk says and by nothing else, tried again, within limits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.asterisk.ami.translate import Headers
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.states.membership import PUT_RIGHT, Membership, MembershipLimits
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.member import About, Member, MemberChanged, MemberKey, MembersReloaded, OwnPenalty
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.states import MemberPicture, Treatment

LEYLA, PHONE = OperatorId("leyla"), "PJSIP/105"
SALES = MemberKey("sales", PHONE)
BREAK, PAPERWORK, READY = Treatment(True, "break"), Treatment(False, last=True), Treatment(False)
PATIENT = MembershipLimits(look_every_s=600, confirmed_within_s=600, kept_within_s=30)
IMPATIENT = MembershipLimits(look_every_s=600, confirmed_within_s=0.01, kept_within_s=30)
WITHIN_S = 30.0


class Asterisk:
    """Has members, does what it is told, and says so, unless it is `deaf`, `silent`, or `refuses`."""

    def __init__(self) -> None:
        self.members = {SALES: Member("sales", PHONE, PHONE, penalty=3)}
        self.told: list[dict[str, str]] = []
        self.looks = 0
        self.deaf = self.silent = False
        self.refuses: set[str] = set()
        self.hints: dict[str, str] = {}
        self.gone = False
        self.say: Callable[[MemberChanged], None] = lambda event: None
        self.listed: Callable[[], None] = lambda: None

    async def ask(
        self, headers: Mapping[str, str], *, take: Callable[[Headers], None] | None = None
    ) -> Sequence[Headers]:
        await asyncio.sleep(0)
        if self.gone:
            raise NotConnected("not connected to AMI")
        if take is not None:
            self.looks += 1
            for one in list(self.members.values()):
                take(
                    {
                        "Event": "QueueMember", "Queue": one.queue, "Location": one.interface,
                        "Paused": str(int(one.paused)), "PausedReason": one.reason, "Penalty": str(one.penalty),
                        "StateInterface": one.state_interface,
                    }
                )  # fmt: skip
            self.listed()
            return ()
        if headers["Action"] == "ExtensionState":
            return [{"Hint": self.hints.get(f"{headers['Exten']}@{headers['Context']}", "")}]
        self.told.append(dict(headers))
        if headers["Action"] in self.refuses:
            raise ActionRefused("Permission denied")
        if headers["Action"] in ("QueuePause", "QueuePenalty") and not self.deaf:
            self._carry_out(headers)
        return ()

    def _carry_out(self, headers: Mapping[str, str]) -> None:
        for key, one in self.members.items():
            pause = headers["Action"] == "QueuePause"
            paused = headers["Paused"] == "true" if pause else one.paused
            penalty = one.penalty if pause else int(headers["Penalty"])
            reason = headers.get("Reason", "") if pause else one.reason
            self.members[key] = Member(one.queue, one.interface, one.state_interface, paused, reason, penalty)
            if not self.silent:
                self.say(MemberChanged(self.members[key], About.PAUSE if pause else About.PENALTY))

    def actions(self, name: str) -> list[dict[str, str]]:
        return [one for one in self.told if one["Action"] == name]


class Staff:
    """What is told of an operator."""

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[MemberPicture, ...], bool]] = []
        self.up: list[bool] = []

    def members_seen(self, operator: OperatorId, members: tuple[MemberPicture, ...], *, foreign: bool) -> None:
        if operator == LEYLA:
            self.seen.append((members, foreign))

    def pbx(self, up: bool) -> None:
        self.up.append(up)


class Disk:
    """Keeps penalties, unless it is `broken`."""

    def __init__(self) -> None:
        self.kept: dict[MemberKey, OwnPenalty | None] = {}
        self.broken = False

    async def all(self, *, within_s: float) -> Mapping[MemberKey, OwnPenalty]:
        if self.broken:
            raise DatabaseUnusable("no space left")
        return {key: penalty for key, penalty in self.kept.items() if penalty is not None}

    async def keep(self, changes: Mapping[MemberKey, OwnPenalty | None], *, within_s: float) -> None:
        if self.broken:
            raise DatabaseUnusable("no space left")
        self.kept.update(changes)


class Room:
    """All of it, running."""

    def __init__(self, limits: MembershipLimits = PATIENT, *, commands: bool = True) -> None:
        self.asterisk, self.staff, self.disk = Asterisk(), Staff(), Disk()
        self.directory = Directory.of([Operator(LEYLA, "Лейла Сафина", (PHONE,))])
        self.membership = Membership(
            self.asterisk, self.disk, self.staff, directory=lambda: self.directory, last_penalty=10,
            reasons=("break", "lunch", "wrap_up"),
            commands=commands, limits=limits,
        )  # fmt: skip
        self.asterisk.say = self.membership.hear

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Room"]:
        await self.membership.open()
        running = asyncio.create_task(self.membership.run())
        self.membership.session(True)
        await self.until(lambda: bool(self.staff.up))
        try:
            yield self
        finally:
            running.cancel()
            await asyncio.wait({running})

    async def until(self, look: Callable[[], object]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not look():
                await asyncio.sleep(0.001)

    async def settled(self) -> None:
        """Nothing happens any more: the loop has turned so often that every order would have been sent."""
        told = -1
        while told != len(self.asterisk.told):
            told = len(self.asterisk.told)
            for _ in range(200):
                await asyncio.sleep(0)

    def by_hand(self, *, paused: bool, reason: str = "shop", penalty: int | None = None) -> None:
        """Somebody else pauses the member or gives him a penalty, and Asterisk says so."""
        before = self.asterisk.members[SALES]
        about = About.PAUSE if penalty is None else About.PENALTY
        after = Member("sales", PHONE, PHONE, paused, reason, before.penalty if penalty is None else penalty)
        self.asterisk.members[SALES] = after
        self.membership.hear(MemberChanged(after, about))


async def test_what_is_wanted_before_asterisk_is_there_is_ordered_when_it_is() -> None:
    room = Room()
    room.membership.want(LEYLA, BREAK)
    async with room.open():
        await room.until(lambda: room.asterisk.members[SALES].paused)
        assert room.asterisk.actions("QueuePause") == [
            {"Action": "QueuePause", "Interface": PHONE, "Paused": "true", "Reason": "break"}
        ]
        assert room.staff.up == [True]


async def test_the_word_of_an_action_is_not_believed_only_what_follows() -> None:
    room = Room(IMPATIENT)
    room.asterisk.deaf = True
    async with room.open():
        room.membership.want(LEYLA, BREAK)
        await room.until(lambda: room.membership.unconfirmed)
        assert len(room.asterisk.actions("QueuePause")) == 3
        assert not any(one.paused for members, _ in room.staff.seen for one in members)
        room.asterisk.deaf = False
        room.membership.hear(MembersReloaded())
        await room.until(lambda: room.asterisk.members[SALES].paused)


async def test_where_events_are_filtered_out_the_list_confirms_it() -> None:
    room = Room(IMPATIENT)
    room.asterisk.silent = True
    async with room.open():
        room.membership.want(LEYLA, BREAK)
        await room.until(lambda: room.membership.pictures(LEYLA)[0].paused)
        await room.settled()
        assert (len(room.asterisk.actions("QueuePause")), room.membership.unconfirmed) == (1, 0)
        assert room.staff.seen[-1] == (room.membership.pictures(LEYLA), False)


async def test_an_order_that_is_refused_is_given_up_until_the_next_look() -> None:
    room = Room()
    room.asterisk.refuses = {"QueuePause"}
    async with room.open():
        room.membership.want(LEYLA, BREAK)
        await room.until(lambda: room.membership.unconfirmed)
        await room.settled()
        assert len(room.asterisk.actions("QueuePause")) == 3


async def test_in_shadow_mode_asterisk_is_told_nothing_and_seen_all_the_same() -> None:
    room = Room(commands=False)
    async with room.open():
        room.membership.want(LEYLA, BREAK)
        room.by_hand(paused=True)
        await room.settled()
        assert room.asterisk.told == []
        assert room.staff.seen[-1][0][0].paused


async def test_a_penalty_of_his_own_is_on_disk_before_he_is_put_last() -> None:
    room = Room()
    async with room.open():
        room.membership.want(LEYLA, PAPERWORK)
        await room.until(lambda: room.asterisk.members[SALES].penalty == 10)
        assert room.disk.kept == {SALES: (3, 10)}
        assert room.asterisk.actions("Setvar")[-1]["Value"] == "10"
        room.membership.want(LEYLA, READY)
        await room.until(lambda: room.asterisk.actions("Setvar")[-1]["Value"] == "none")
        assert room.asterisk.members[SALES].penalty == 3
        assert room.disk.kept == {SALES: None}


async def test_a_disk_that_takes_nothing_keeps_nobody_from_being_put_last() -> None:
    room = Room()
    room.disk.broken = True
    async with room.open():
        room.membership.want(LEYLA, PAPERWORK)
        await room.until(lambda: room.asterisk.members[SALES].penalty == 10)
        room.disk.broken = False
        room.membership.want(LEYLA, BREAK)
        await room.until(lambda: room.asterisk.members[SALES].penalty == 3)
        await room.until(lambda: room.disk.kept == {SALES: None})


async def test_the_line_is_cut_and_what_was_lost_meanwhile_is_put_right() -> None:
    room = Room()
    async with room.open():
        room.membership.want(LEYLA, BREAK)
        await room.until(lambda: room.asterisk.members[SALES].paused)
        room.membership.session(False)
        room.asterisk.gone = True
        room.asterisk.members[SALES] = Member("sales", PHONE, PHONE)
        room.membership.want(LEYLA, Treatment(True, "lunch"))
        await room.settled()
        room.asterisk.gone = False
        room.membership.session(True)
        await room.until(lambda: room.asterisk.members[SALES].reason == "lunch")
        assert room.staff.up == [True, False, True]


async def test_what_somebody_else_did_is_told_once_and_left_alone() -> None:
    room = Room()
    async with room.open():
        room.membership.want(LEYLA, READY)
        await room.settled()
        room.by_hand(paused=True)
        room.membership.hear(MembersReloaded())
        await room.until(lambda: room.asterisk.looks == 2)
        await room.settled()
        assert [foreign for members, foreign in room.staff.seen if members[0].paused] == [True]
        assert room.asterisk.actions("QueuePause") == []
        room.membership.want(LEYLA, READY)
        await room.until(lambda: not room.asterisk.members[SALES].paused)


async def test_a_pause_by_hand_that_holds_again_after_a_call_is_told() -> None:
    room = Room()
    async with room.open():
        room.membership.want(LEYLA, READY)
        await room.settled()
        room.by_hand(paused=True)
        room.membership.want(LEYLA, Treatment(True, "wrap_up"), asked=False)
        await room.settled()
        seen = len(room.staff.seen)
        room.membership.want(LEYLA, READY, asked=False)
        await room.until(lambda: len(room.staff.seen) > seen)
        assert [(one.paused, one.reason, one.by_hand) for one in room.staff.seen[-1][0]] == [(True, "shop", True)]
        assert room.asterisk.actions("QueuePause") == []


async def test_the_phone_of_an_operator_who_is_removed_is_called_again() -> None:
    room = Room()
    async with room.open():
        room.membership.want(LEYLA, BREAK)
        await room.until(lambda: room.asterisk.members[SALES].paused)
        await room.settled()
        room.directory = Directory.of(())
        room.membership.people_changed()
        room.membership.want(LEYLA, None)
        await room.until(lambda: not room.asterisk.members[SALES].paused)


async def test_two_programs_that_do_not_agree_do_not_go_on_for_ever() -> None:
    room = Room()
    async with room.open():
        room.membership.want(LEYLA, PAPERWORK)
        await room.until(lambda: room.asterisk.members[SALES].penalty == 10)
        for _ in range(50):
            room.by_hand(paused=False, penalty=4)
            await room.settled()
        assert len(room.asterisk.actions("QueuePenalty")) == 1 + PUT_RIGHT
        room.membership.hear(MembersReloaded())
        await room.until(lambda: room.asterisk.members[SALES].penalty == 10)


async def test_everybody_is_told_anew_when_there_are_other_operators() -> None:
    room = Room()
    async with room.open():
        seen = len(room.staff.seen)
        emil = Operator(OperatorId("emil"), "Эмиль Ёлкин", ("PJSIP/106",))
        room.directory = Directory.of([*room.directory.all(), emil])
        room.membership.people_changed()
        await room.until(lambda: len(room.staff.seen) > seen)


@pytest.mark.parametrize("wanted", [(BREAK, READY), (READY, PAPERWORK, BREAK), (PAPERWORK, BREAK, READY, PAPERWORK)])
async def test_what_is_wanted_last_counts(wanted: tuple[Treatment, ...]) -> None:
    room = Room()
    async with room.open():
        for treatment in wanted:
            room.membership.want(LEYLA, treatment)
            await asyncio.sleep(0)
        await room.settled()
        (picture,) = room.membership.pictures(LEYLA)
        assert (picture.paused, picture.last) == (wanted[-1].paused, wanted[-1].last)


async def test_somebody_who_signs_in_does_not_have_all_members_listed() -> None:
    room = Room()
    async with room.open():
        room.membership.people_changed()
        await room.settled()
        looks = room.asterisk.looks
        for _ in range(5):
            room.directory = Directory.of(room.directory.all())
            room.membership.people_changed()
            await room.settled()
        assert room.asterisk.looks == looks
        room.directory = Directory.of([Operator(LEYLA, "Лейла Сафина", ("PJSIP/106",))])
        room.membership.people_changed()
        await room.until(lambda: room.asterisk.looks > looks)
        await room.until(lambda: room.staff.seen[-1] == ((), False))


async def test_who_is_away_and_added_to_many_queues_is_paused_in_each_at_once() -> None:
    room = Room()
    async with room.open():
        room.membership.want(LEYLA, BREAK)
        await room.until(lambda: room.asterisk.members[SALES].paused)
        for number in range(4 * PUT_RIGHT):
            new = Member(f"queue-{number}", PHONE, PHONE)
            room.asterisk.members[new.key] = new
            room.membership.hear(MemberChanged(new, About.ADDED))
            await room.settled()
        assert all(one.paused for one in room.asterisk.members.values())


async def test_a_list_that_comes_when_its_connection_is_gone_says_nothing() -> None:
    room = Room()
    async with room.open():
        room.asterisk.listed = lambda: room.membership.session(False)  # complete, and not looked at yet
        room.membership.hear(MembersReloaded())
        await room.until(lambda: room.asterisk.looks == 2)
        await room.settled()
        assert room.staff.up == [True, False]
        room.asterisk.listed = lambda: None
        room.membership.session(True)
        await room.until(lambda: room.staff.up == [True, False, True])


async def test_a_dialplan_that_forgot_who_is_last_is_told_again() -> None:
    room = Room()
    async with room.open():
        room.membership.want(LEYLA, PAPERWORK)
        await room.until(lambda: room.asterisk.members[SALES].penalty == 10)
        await room.settled()
        told = len(room.asterisk.actions("Setvar"))
        room.membership.hear(MembersReloaded())
        await room.until(lambda: len(room.asterisk.actions("Setvar")) > told)
        assert room.asterisk.actions("Setvar")[-1]["Value"] == "10"


async def test_who_is_added_to_a_queue_while_an_order_is_on_its_way_is_paused_there_as_well() -> None:
    room = Room()
    async with room.open():
        new = Member("production", PHONE, PHONE)

        def meanwhile(event: MemberChanged) -> None:
            """Asterisk has just paused him in all his queues when he is added to another one."""
            if new.key not in room.asterisk.members:
                asyncio.get_running_loop().call_soon(room.membership.hear, MemberChanged(new, About.ADDED))
                asyncio.get_running_loop().call_soon(room.asterisk.members.__setitem__, new.key, new)
                asyncio.get_running_loop().call_soon(room.membership.hear, event)
                return
            room.membership.hear(event)

        room.asterisk.say = meanwhile
        room.membership.want(LEYLA, BREAK)
        await room.until(lambda: new.key in room.asterisk.members and room.asterisk.members[new.key].paused)
        await room.settled()
        assert room.membership.unconfirmed == 0


async def test_a_member_whose_state_is_a_hint_is_his_whose_phone_the_dialplan_has_there() -> None:
    room = Room()
    local = MemberKey("sales", "Local/105@from-queue/n")
    hinted = Member(*local, "hint:105@ext-local")
    room.asterisk.members = {local: hinted}
    room.asterisk.hints = {"105@ext-local": "PJSIP/105&Custom:DND105,CustomPresence:105"}
    async with room.open():
        room.membership.want(LEYLA, BREAK)
        await room.until(lambda: room.asterisk.members[local].paused)
        assert [one["Interface"] for one in room.asterisk.actions("QueuePause")] == [local.interface]
        await room.until(lambda: [one.paused for one in room.membership.pictures(LEYLA)] == [True])
        room.membership.want(LEYLA, READY)
        await room.until(lambda: not room.asterisk.members[local].paused)
        assert [one.interface for one in room.membership.pictures(LEYLA)] == [local.interface]


async def test_a_hint_that_nobody_has_heard_of_is_asked_for_at_once() -> None:
    room = Room()
    room.asterisk.members = {}
    async with room.open():
        room.membership.want(LEYLA, BREAK)
        await room.settled()
        hinted = Member("sales", "Local/105@from-queue/n", "hint:105@ext-local")
        room.asterisk.members[hinted.key] = hinted
        room.asterisk.hints = {"105@ext-local": "PJSIP/105"}
        room.membership.hear(MemberChanged(hinted, About.ADDED))
        await room.until(lambda: room.asterisk.members[hinted.key].paused)
        assert room.asterisk.looks == 2
