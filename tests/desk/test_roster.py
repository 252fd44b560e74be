"""What is ordered so that Asterisk treats an operator as wanted, what is put right, and what is left to others."""

import random

import pytest

from cti_bridge.desk.states.member_orders import Order, PauseOrder, PenaltyOrder
from cti_bridge.desk.states.roster import Roster
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.member import About, Member, MemberChanged, MemberKey, MemberRemoved, OwnPenalty
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.states import Treatment

LAST = 10
LEYLA, EMIL = OperatorId("leyla"), OperatorId("emil")
PHONE, LOCAL = "PJSIP/105", "Local/105@agents/n"
BREAK, PAPERWORK, READY = Treatment(True, "break"), Treatment(False, last=True), Treatment(False)
REASONS = frozenset({"break", "lunch", "wrap_up", "signed_off"})
AFTER_A_CALL, NOT_AT_WORK = Treatment(True, "wrap_up"), Treatment(True, "signed_off", stays=True)


class Pbx:
    """Members as Asterisk has them; what it is ordered it does, and tells."""

    def __init__(self) -> None:
        people = [Operator(LEYLA, "Лейла Сафина", (PHONE,)), Operator(EMIL, "Эмиль Ёлкин", ("PJSIP/106",))]
        self.directory = Directory.of(people)
        self.now = 0.0
        self.members: dict[MemberKey, Member] = {}
        self.roster = Roster(directory=lambda: self.directory, last_penalty=LAST, reasons=REASONS)
        self.orders_taken = 0

    def add(self, queue: str, interface: str = PHONE, *, penalty: int = 0, paused: bool = False) -> bool | None:
        """A member is added; gives back whether that was taken for the work of somebody else, as `tell` does."""
        member = Member(queue, interface, PHONE if interface == LOCAL else interface, paused, penalty=penalty)
        return self.tell(member, About.ADDED)

    def tell(self, member: Member, about: About) -> bool | None:
        """He is like this now, and an event says so; None when it says nothing new."""
        self.members[member.key] = member
        news = self.roster.hear(MemberChanged(member, about), self.now)
        return news.foreign if news else None

    def remove(self, queue: str, interface: str = PHONE) -> None:
        del self.members[MemberKey(queue, interface)]
        self.roster.hear(MemberRemoved(MemberKey(queue, interface)), self.now)

    def by_hand(self, queue: str, interface: str = PHONE, **values: bool | str | int) -> bool | None:
        """Somebody else changes a member."""
        before = self.members[MemberKey(queue, interface)]
        after = Member(**{name: getattr(before, name) for name in before.__slots__} | values)
        return self.tell(after, About.PENALTY if "penalty" in values else About.PAUSE)

    def forgets(self, queue: str, **values: bool | str | int) -> None:
        """Something is lost, and no event says so."""
        before = self.members[MemberKey(queue, PHONE)]
        self.members[before.key] = Member(**{name: getattr(before, name) for name in before.__slots__} | values)

    def carry_out(self, order: Order) -> None:
        """Do what is ordered, and tell it."""
        self.roster.sent(order, self.now)
        self.orders_taken += 1
        for key in [key for key in self.members if key.interface == order.interface]:
            if order.queue not in ("", key.queue):
                continue
            one = self.members[key]
            penalty = order.penalty if isinstance(order, PenaltyOrder) else one.penalty
            paused, reason = one.paused, one.reason
            if isinstance(order, PauseOrder):
                paused, reason = order.paused, order.reason
            self.tell(
                Member(one.queue, one.interface, one.state_interface, paused, reason, penalty),
                About.PENALTY if isinstance(order, PenaltyOrder) else About.PAUSE,
            )

    def settle(self, operator: OperatorId = LEYLA) -> list[Order]:
        """Carry everything out that has to be; gives back what that was."""
        carried_out: list[Order] = []
        while orders := self.roster.orders(operator):
            for order in orders:
                if self.roster.still_holds(order):
                    self.carry_out(order)
                    assert self.roster.is_done(order, self.roster.meant_by(order))
                    carried_out.append(order)
            assert len(carried_out) < 100
        self.roster.settled(operator)
        return carried_out

    def want(self, treatment: Treatment | None, *, asked: bool = True) -> list[Order]:
        self.roster.want(LEYLA, treatment, asked=asked)
        return self.settle()

    def leyla_is_removed(self) -> list[Order]:
        """She is no operator any more; gives back what is carried out for her phones."""
        before, self.directory = self.directory, Directory.of(())
        self.roster.let_go(before)
        self.roster.want(LEYLA, None)
        orders = self.roster.orders_for_nobody()
        for order in orders:
            self.carry_out(order)
        return orders

    def looked(self) -> list[Order]:
        """All members are listed, and what is wrong is put right."""
        self.roster.take_list(self.members)
        return self.settle()

    def has(self) -> dict[str, tuple[bool, int]]:
        return {key.queue: (one.paused, one.penalty) for key, one in self.members.items()}


@pytest.fixture
def pbx() -> Pbx:
    """Leyla is in two queues with her phone, and in one behind a Local channel; Emil in one."""
    pbx = Pbx()
    pbx.add("production", penalty=2)
    pbx.add("sales")
    pbx.add("desk", LOCAL, penalty=1)
    pbx.add("office", "PJSIP/106")
    return pbx


def test_a_break_is_one_order_for_each_interface(pbx: Pbx) -> None:
    assert pbx.want(BREAK) == [PauseOrder(PHONE, "", True, "break"), PauseOrder(LOCAL, "", True, "break")]
    assert [(one.queue, one.paused, one.reason) for one in pbx.roster.pictures(LEYLA)] == [
        ("desk", True, "break"), ("production", True, "break"), ("sales", True, "break"),
    ]  # fmt: skip
    assert pbx.has()["office"] == (False, 0)


def test_what_is_so_already_is_not_ordered(pbx: Pbx) -> None:
    pbx.want(BREAK)
    assert pbx.want(BREAK) == []


def test_another_reason_is_ordered_unless_any_will_do(pbx: Pbx) -> None:
    pbx.want(BREAK)
    assert pbx.want(Treatment(True, None)) == []
    assert pbx.want(Treatment(True, "lunch")) != []


def test_who_is_last_gets_the_penalty_queue_by_queue_and_his_own_ones_back(pbx: Pbx) -> None:
    assert pbx.want(PAPERWORK) == [
        PenaltyOrder(PHONE, "production", LAST), PenaltyOrder(PHONE, "sales", LAST), PenaltyOrder(LOCAL, "desk", LAST),
    ]  # fmt: skip
    assert all(picture.last for picture in pbx.roster.pictures(LEYLA))
    assert pbx.roster.somebody_is_last
    pbx.want(READY)
    assert pbx.has() == {"production": (False, 2), "sales": (False, 0), "desk": (False, 1), "office": (False, 0)}
    assert not pbx.roster.somebody_is_last


def test_before_he_can_be_called_he_has_the_penalty_and_before_it_is_taken_back_he_is_paused(pbx: Pbx) -> None:
    pbx.want(BREAK)
    assert [type(order) for order in pbx.want(PAPERWORK)] == [PenaltyOrder] * 3 + [PauseOrder] * 2
    assert [type(order) for order in pbx.want(BREAK)] == [PauseOrder] * 2 + [PenaltyOrder] * 3


def test_hands_off_gives_back_what_was_ours_and_leaves_the_pause(pbx: Pbx) -> None:
    pbx.want(PAPERWORK)
    pbx.by_hand("sales", paused=True)
    assert pbx.want(None) == [
        PenaltyOrder(PHONE, "production", 2), PenaltyOrder(PHONE, "sales", 0), PenaltyOrder(LOCAL, "desk", 1),
    ]  # fmt: skip
    assert pbx.has()["sales"] == (True, 0)


def test_a_member_whose_operator_is_gone_gets_his_penalty_back(pbx: Pbx) -> None:
    pbx.want(PAPERWORK)
    pbx.leyla_is_removed()
    assert [penalty for _, penalty in pbx.has().values()] == [2, 0, 1, 0]
    assert pbx.roster.orders_for_nobody() == []
    assert not pbx.roster.somebody_is_last


@pytest.mark.parametrize("wanted", [BREAK, AFTER_A_CALL])
def test_a_member_whose_operator_is_gone_is_called_again_where_it_was_we_who_paused_him(
    pbx: Pbx, wanted: Treatment
) -> None:
    pbx.want(wanted)
    pbx.by_hand("sales", reason="shop")
    assert {order.queue for order in pbx.leyla_is_removed()} == {"production", "desk"}
    assert {queue: paused for queue, (paused, _) in pbx.has().items()} == {
        "production": False, "sales": True, "desk": False, "office": False,
    }  # fmt: skip
    assert pbx.roster.orders_for_nobody() == []


def test_the_pause_of_who_is_removed_and_not_at_work_stays_for_nobody_is_at_the_phone(pbx: Pbx) -> None:
    pbx.want(NOT_AT_WORK)
    assert pbx.leyla_is_removed() == []
    assert pbx.has()["sales"] == (True, 0)


def test_a_pause_that_somebody_else_made_is_not_taken_back_when_the_operator_is_removed(pbx: Pbx) -> None:
    for queue, interface in (("production", PHONE), ("sales", PHONE), ("desk", LOCAL)):
        pbx.by_hand(queue, interface, paused=True, reason="break")
    pbx.want(Treatment(True, None))
    assert pbx.leyla_is_removed() == []


def test_a_phone_that_goes_to_a_colleague_is_treated_as_his_state_says(pbx: Pbx) -> None:
    pbx.want(BREAK)
    before, pbx.directory = pbx.directory, Directory.of([Operator(EMIL, "Эмиль Ёлкин", ("PJSIP/106", PHONE))])
    pbx.roster.let_go(before)
    assert pbx.roster.orders_for_nobody() == []
    pbx.roster.want(EMIL, READY)
    pbx.settle(EMIL)
    assert pbx.has()["sales"] == (False, 0)


def test_what_a_restart_forgot_is_put_right(pbx: Pbx) -> None:
    pbx.want(BREAK)
    pbx.forgets("sales", paused=False, reason="")
    assert pbx.looked() == [PauseOrder(PHONE, "sales", True, "break")]


def test_a_reason_that_a_reload_forgot_is_said_again(pbx: Pbx) -> None:
    pbx.want(BREAK)
    pbx.forgets("sales", reason="")
    assert pbx.looked() == [PauseOrder(PHONE, "sales", True, "break")]


def test_a_penalty_that_a_reload_brought_is_his_own_and_he_is_last_again(pbx: Pbx) -> None:
    pbx.want(PAPERWORK)
    pbx.forgets("sales", penalty=4)
    assert pbx.looked() == [PenaltyOrder(PHONE, "sales", LAST)]
    pbx.want(READY)
    assert pbx.has()["sales"] == (False, 4)


def test_who_is_added_while_he_is_away_is_paused(pbx: Pbx) -> None:
    pbx.want(BREAK)
    assert pbx.add("office") is False
    assert pbx.settle() == [PauseOrder(PHONE, "office", True, "break")]


@pytest.mark.parametrize("wanted", [BREAK, READY, PAPERWORK])
def test_a_pause_by_hand_is_told_and_left_alone_until_something_is_wanted_anew(pbx: Pbx, wanted: Treatment) -> None:
    pbx.want(wanted)
    assert pbx.by_hand("sales", paused=not wanted.paused, reason="shop") is True
    assert pbx.settle() == []
    assert pbx.looked() == []
    assert pbx.want(wanted) != []
    assert pbx.has()["sales"][0] == wanted.paused


@pytest.mark.parametrize("before", [None, READY, PAPERWORK])
def test_a_pause_by_hand_in_one_queue_outlives_the_time_after_a_call(pbx: Pbx, before: Treatment | None) -> None:
    if before is not None:
        pbx.want(before)
    pbx.by_hand("sales", paused=True, reason="shop")
    pbx.want(AFTER_A_CALL, asked=False)
    pbx.looked()
    assert {one.queue: one.reason for one in pbx.roster.pictures(LEYLA)} == {
        "production": "wrap_up", "sales": "shop", "desk": "wrap_up",
    }  # fmt: skip
    pbx.want(before or READY, asked=False)
    assert {queue: paused for queue, (paused, _) in pbx.has().items()} == {
        "production": False, "sales": True, "desk": False, "office": False,
    }  # fmt: skip
    assert [one.queue for one in pbx.roster.pictures(LEYLA) if one.by_hand] == ["sales"]
    pbx.want(READY)
    assert pbx.has()["sales"] == (False, 0)


def test_a_pause_by_hand_during_the_time_after_a_call_outlives_it(pbx: Pbx) -> None:
    pbx.want(AFTER_A_CALL, asked=False)
    assert pbx.by_hand("sales", reason="shop") is False
    pbx.want(READY, asked=False)
    assert pbx.has()["sales"] == (True, 0)


def test_a_pause_by_hand_that_is_over_is_forgotten(pbx: Pbx) -> None:
    pbx.want(READY)
    pbx.by_hand("sales", paused=True, reason="shop")
    pbx.by_hand("sales", paused=False, reason="")
    pbx.want(AFTER_A_CALL, asked=False)
    pbx.forgets("sales", reason="")  # by a reload, and the time after the call is over before anybody looks
    pbx.roster.take_list(pbx.members)
    pbx.want(READY, asked=False)
    assert pbx.has()["sales"] == (False, 0)


@pytest.mark.parametrize("reason", ["shop", "break"])
def test_a_pause_by_hand_that_a_restart_forgot_during_the_time_after_a_call_is_over_with_it(
    pbx: Pbx, reason: str
) -> None:
    pbx.want(READY)
    pbx.by_hand("sales", paused=True, reason=reason)
    pbx.want(AFTER_A_CALL, asked=False)
    pbx.forgets("sales", paused=False, reason="")
    assert pbx.looked() == [PauseOrder(PHONE, "sales", True, "wrap_up")]
    pbx.want(BREAK, asked=False)  # his page is gone
    pbx.forgets("sales", reason="")  # by a reload
    pbx.looked()
    pbx.want(READY, asked=False)
    assert pbx.has()["sales"] == (False, 0), "else he would not be called for ever"


def test_a_member_who_was_let_be_called_by_hand_and_is_paused_as_wanted_again_is_not_called_after_a_restart(
    pbx: Pbx,
) -> None:
    pbx.want(BREAK)
    pbx.by_hand("sales", paused=False, reason="")
    pbx.by_hand("sales", paused=True, reason="break")
    pbx.forgets("sales", paused=False, reason="")
    assert pbx.looked() == [PauseOrder(PHONE, "sales", True, "break")]


def test_a_pause_for_a_reason_that_is_none_of_ours_is_somebody_elses_also_where_nobody_saw_it(pbx: Pbx) -> None:
    pbx.want(READY)
    pbx.forgets("sales", paused=True, reason="shop")
    pbx.forgets("production", paused=True, reason="break")
    assert pbx.looked() == [PauseOrder(PHONE, "production", False)]
    assert [one.queue for one in pbx.roster.pictures(LEYLA) if one.by_hand] == ["sales"]
    pbx.want(READY)
    assert pbx.has()["sales"] == (False, 0)


def test_a_reload_that_forgets_the_reason_of_a_pause_by_hand_does_not_end_it(pbx: Pbx) -> None:
    pbx.want(READY)
    pbx.by_hand("sales", paused=True, reason="shop")
    pbx.forgets("sales", reason="")
    assert pbx.looked() == []


def test_who_is_added_paused_is_paused_by_somebody_else(pbx: Pbx) -> None:
    pbx.want(READY)
    assert pbx.add("office", paused=True) is True
    assert pbx.settle() == []


def test_the_echo_of_an_earlier_order_is_nobody_elses_work(pbx: Pbx) -> None:
    pbx.roster.want(LEYLA, BREAK)
    order = pbx.roster.orders(LEYLA)[0]
    pbx.roster.sent(order, pbx.now)
    pbx.roster.want(LEYLA, READY)
    assert pbx.by_hand("sales", paused=True, reason="break") is False
    assert pbx.settle() == [PauseOrder(PHONE, "sales", False)]


def test_an_echo_is_none_for_ever(pbx: Pbx) -> None:
    pbx.roster.want(LEYLA, BREAK)
    pbx.roster.sent(pbx.roster.orders(LEYLA)[0], pbx.now)
    pbx.roster.want(LEYLA, READY)
    pbx.now += 60
    assert pbx.by_hand("sales", paused=True, reason="break") is True


def test_a_penalty_by_hand_is_his_own_from_then_on(pbx: Pbx) -> None:
    pbx.want(PAPERWORK)
    assert pbx.by_hand("sales", penalty=7) is False
    assert pbx.settle() == [PenaltyOrder(PHONE, "sales", LAST)]
    pbx.want(READY)
    assert pbx.has()["sales"] == (False, 7)


def test_nobody_is_put_last_who_was_added_after_the_order_had_been_made(pbx: Pbx) -> None:
    pbx.roster.want(LEYLA, PAPERWORK)
    orders = pbx.roster.orders(LEYLA)
    pbx.remove("sales")
    pbx.add("sales", penalty=5)
    assert [order.queue for order in orders if pbx.roster.still_holds(order)] == ["production", "desk"]
    pbx.settle()
    pbx.want(READY)
    assert pbx.has()["sales"] == (False, 5)


def test_a_penalty_that_reached_a_member_who_was_just_added_is_taken_back(pbx: Pbx) -> None:
    pbx.roster.want(LEYLA, PAPERWORK)
    order = pbx.roster.orders(LEYLA)[1]
    pbx.roster.sent(order, pbx.now)
    pbx.remove("sales")
    pbx.add("sales", penalty=5)
    pbx.tell(Member("sales", PHONE, PHONE, penalty=LAST), About.PENALTY)
    pbx.settle()
    pbx.want(READY)
    assert pbx.has()["sales"] == (False, 5)


def test_a_killed_run_leaves_what_is_to_be_given_back(pbx: Pbx) -> None:
    pbx.want(PAPERWORK)
    kept = {key: penalty for key, penalty in pbx.roster.penalties.take_unwritten().items() if penalty is not None}
    assert kept == {("production", PHONE): (2, LAST), ("sales", PHONE): (0, LAST), ("desk", LOCAL): (1, LAST)}
    pbx.roster = Roster(directory=lambda: pbx.directory, last_penalty=LAST, reasons=REASONS)
    pbx.roster.penalties.own.update(kept)
    pbx.roster.want(LEYLA, READY)
    pbx.looked()
    assert [penalty for _, penalty in pbx.has().values()] == [2, 0, 1, 0]
    assert set(pbx.roster.penalties.take_unwritten().values()) == {None}


@pytest.mark.parametrize("wanted", [PAPERWORK, BREAK, READY])
def test_another_penalty_for_the_last_in_the_settings_is_not_taken_for_his_own(pbx: Pbx, wanted: Treatment) -> None:
    pbx.want(PAPERWORK)
    kept = {key: own for key, own in pbx.roster.penalties.take_unwritten().items() if own is not None}
    for _ in range(2):  # the second run is killed as well, before it can write down what it gave
        pbx.roster = Roster(directory=lambda: pbx.directory, last_penalty=20, reasons=REASONS)
        pbx.roster.penalties.own.update(kept)
        pbx.roster.want(LEYLA, wanted)
        pbx.looked()
        expected = [20, 20, 20, 0] if wanted.last else [2, 0, 1, 0]
        assert [penalty for _, penalty in pbx.has().values()] == expected
        assert all(one.last is wanted.last for one in pbx.roster.pictures(LEYLA))
    pbx.want(READY)
    assert [penalty for _, penalty in pbx.has().values()] == [2, 0, 1, 0]


def test_what_the_disk_did_not_take_is_written_later_unless_it_has_changed(pbx: Pbx) -> None:
    pbx.want(PAPERWORK)
    unwritten = pbx.roster.penalties.take_unwritten()
    pbx.by_hand("sales", penalty=7)
    pbx.roster.penalties.not_written(unwritten)
    assert pbx.roster.penalties.take_unwritten() == unwritten | {MemberKey("sales", PHONE): OwnPenalty(7, LAST)}


def test_a_queue_that_is_not_listed_before_it_is_used_takes_no_penalty_away(pbx: Pbx) -> None:
    pbx.want(PAPERWORK)
    pbx.roster.take_list({key: one for key, one in pbx.members.items() if key.queue != "sales"})
    assert MemberKey("sales", PHONE) in pbx.roster.penalties.own
    pbx.add("sales", "PJSIP/106")
    pbx.roster.take_list({key: one for key, one in pbx.members.items() if key != ("sales", PHONE)})
    pbx.roster.take_list(pbx.members)
    pbx.roster.take_list({key: one for key, one in pbx.members.items() if key != ("sales", PHONE)})
    assert MemberKey("sales", PHONE) not in pbx.roster.penalties.own


def test_a_queue_that_is_gone_with_its_members_leaves_nobody_last(pbx: Pbx) -> None:
    pbx.want(PAPERWORK)
    gone = {key: one for key, one in pbx.members.items() if key.interface == "PJSIP/106"}
    pbx.roster.take_list(gone)
    assert pbx.roster.somebody_is_last, "she is, wherever she is a member next"
    pbx.want(READY)
    assert not pbx.roster.somebody_is_last
    pbx.roster.take_list(pbx.members)
    assert pbx.roster.somebody_is_last, "the queues were only not listed"
    pbx.settle()
    assert [penalty for _, penalty in pbx.has().values()] == [2, 0, 1, 0]
    assert not pbx.roster.somebody_is_last


def test_a_phone_that_changes_hands_is_the_new_ones(pbx: Pbx) -> None:
    pbx.directory = Directory.of([Operator(EMIL, "Эмиль Ёлкин", ("PJSIP/106", PHONE))])
    assert pbx.roster.pictures(LEYLA) == ()
    assert {one.queue for one in pbx.roster.pictures(EMIL)} == {"desk", "office", "production", "sales"}


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_all_is_as_wanted_in_the_end_and_every_penalty_is_given_back(pbx: Pbx, seed: int) -> None:
    chance = random.Random(seed)
    own = {"production": 2, "sales": 0, "desk": 1}
    for _ in range(200):
        pbx.now += chance.choice([0.01, 1.0, 30.0])
        queue = chance.choice(["production", "sales"])
        match chance.randrange(6):
            case 0:
                pbx.roster.want(LEYLA, chance.choice([BREAK, PAPERWORK, READY, Treatment(True, "lunch"), None]))
            case 1:
                pbx.by_hand(queue, paused=chance.random() < 0.5, reason="")
            case 2:
                own[queue] = chance.randrange(5)
                pbx.by_hand(queue, penalty=own[queue])
            case 3:
                pbx.remove(queue)
                own[queue] = chance.randrange(5)
                pbx.add(queue, penalty=own[queue])
            case 4:
                pbx.settle()
            case 5:
                pbx.looked()
    pbx.want(BREAK)
    assert all(pbx.has()[queue] == (True, penalty) for queue, penalty in own.items())
    pbx.want(PAPERWORK)
    assert all(pbx.has()[queue] == (False, LAST) for queue in own)
    pbx.want(READY)
    assert {queue: penalty for queue, (_, penalty) in pbx.has().items() if queue in own} == own
