"""Callers and phones do as they are told, so that what the other tests see is Asterisk's doing."""

from demo.asterisk import AsteriskInstance
from demo.sip import Behaviour, Caller, Phones

RINGS = Behaviour(answer_after=None)


async def test_a_phone_is_told_to_refuse_then_to_answer_then_to_hang_up(
    asterisk: AsteriskInstance,
) -> None:
    await asterisk.add_member("primary-consult", "PJSIP/101")
    async with Phones(asterisk, {"101": RINGS}) as phones, Caller(asterisk) as caller:
        phone = phones["101"]
        await phone.rings()
        await phone.refuse()
        await phone.rings(times=2)
        await phone.answer()
        await phone.answered()
        await caller.answered()
        await phone.hang_up()
        outcome = await caller.over()
        assert phone.history == ["ringing", "refused", "ringing", "answered", "hungup"]
    assert outcome.ended_by == "other"
    assert caller.history == ["invited", "ringing", "answered", "ended"]


async def test_a_caller_gives_up_when_his_patience_ends(asterisk: AsteriskInstance) -> None:
    await asterisk.add_member("primary-consult", "PJSIP/101")
    async with Phones(asterisk, {"101": RINGS}) as phones, Caller(asterisk, patience=0.4) as caller:
        outcome = await caller.over()
        await phones["101"].stopped_ringing()
    assert (outcome.answered_after, outcome.ended_by) == (None, "caller")


async def test_a_caller_hangs_up_after_his_talk(asterisk: AsteriskInstance) -> None:
    await asterisk.add_member("primary-consult", "PJSIP/101")
    async with Phones(asterisk, {"101": Behaviour()}), Caller(asterisk, talk=0.3) as caller:
        outcome = await caller.over()
    assert outcome.ended_by == "caller"
    assert outcome.talked is not None
    assert outcome.talked >= 0.3


async def test_a_phone_may_change_its_ways_during_a_test(asterisk: AsteriskInstance) -> None:
    await asterisk.add_member("primary-consult", "PJSIP/101")
    async with Phones(asterisk, {"101": RINGS}) as phones:
        async with Caller(asterisk):
            await phones["101"].rings()
        await phones["101"].stopped_ringing()
        await phones.change("101", Behaviour())
        async with Caller(asterisk) as caller:
            await caller.answered()
        assert phones["101"].calls == 1


async def test_a_number_that_the_dialplan_does_not_have_is_refused(
    asterisk: AsteriskInstance,
) -> None:
    async with Caller(asterisk, did="nobody") as caller:
        outcome = await caller.over()
    assert (outcome.answered_after, outcome.ended_by) == (None, "refused")
