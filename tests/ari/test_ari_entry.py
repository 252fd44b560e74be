"""The Stasis entry against a fake of ARI: it comes up, answers, heals, and keeps nobody and no secret."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from itertools import repeat
from pathlib import Path

import pytest
import structlog
from aiohttp import ClientConnectionResetError, ClientWebSocketResponse, web
from fake_ari import ARGUMENTS, SECRET, VARIABLES, Desk, FakeAri, channel, end, entry_at, start, until

from cti_bridge.asterisk.ari import entry as entry_module
from cti_bridge.asterisk.dialplan import CLEARED, RouteRequest

CERTIFICATE = Path(__file__).with_name("loopback.pem")
TOLD = {**VARIABLES, "CTI_CUSTOMER_NAME": "Ёлкина & сын +1", "CTI_DECISION": "matched"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def ari() -> AsyncIterator[FakeAri]:
    fake = FakeAri()
    await fake.open()
    yield fake
    await fake.close()


def up(desk: Desk) -> bool:
    return desk.states[-1:] == [("up", "")]


async def test_a_caller_gets_his_variables_the_decision_last_and_goes_on(ari: FakeAri, desk: Desk) -> None:
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        await ari.enter()
        await until(lambda: ari.let_go)
    assert ari.values() == TOLD
    assert ari.set[-1] == ("1.1", "CTI_DECISION", "matched")
    assert (desk.asked[0].did, desk.asked[0].caller_name, desk.outcomes) == ("74950000149", "Мария", [True])
    assert (desk.counts.requests, desk.counts.late, desk.counts.broken) == (1, 0, 0)


@pytest.mark.parametrize("found", [False, True], ids=["arriving", "there before us"])
async def test_a_caller_who_is_not_answered_is_let_go_without_a_decision(ari: FakeAri, desk: Desk, found: bool) -> None:
    desk.withheld = True
    if found:
        ari.inside["1.1"] = channel()
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        if not found:
            await ari.enter()
        await until(lambda: ari.let_go)
    assert not any(ari.values().values()), "only what an earlier run left is taken away"
    assert bool(ari.set) == found
    assert desk.outcomes == [True]


async def test_asterisk_is_told_what_events_are_wanted(ari: FakeAri, desk: Desk) -> None:
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
    wanted = [{"type": name} for name in ("StasisStart", "StasisEnd", "ApplicationReplaced")]
    assert ari.filters == [{"allowed": wanted}]


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_an_asterisk_that_filters_no_events_will_do(ari: FakeAri, desk: Desk, status: int) -> None:
    ari.override = lambda asked: web.Response(status=status) if "eventFilter" in asked else None
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        await ari.say({"type": "ChannelVarset", "channel": channel(), "variable": "CTI_QUEUE", "value": "sales"})
        await ari.enter()
        await until(lambda: ari.let_go)
    assert ari.values() == TOLD


async def test_the_journal_hears_of_a_caller_before_he_goes_on(ari: FakeAri, desk: Desk) -> None:
    order = []
    ari.override = lambda asked: order.append(asked.rpartition("/")[2]) if "continue" in asked else None
    desk.outcomes = order  # type: ignore[assignment]
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        await ari.enter()
        await until(lambda: ari.let_go)
    assert order == [True, "continue"]


async def test_a_hundred_callers_at_once_are_all_answered_by_no_more_than_eight_connections(
    ari: FakeAri, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asterisk lets ten connections wait to be accepted; the next one would take a second."""
    monkeypatch.setattr(entry_module, "WHOLE_S", 30.0)  # the fake is no Asterisk, and the machine may be busy
    async with entry_at(ari.port, desk, answer_within_s=30.0):
        await until(lambda: up(desk))
        for number in range(100):
            await ari.enter(f"{number}.1")
        await until(lambda: len(ari.let_go) == 100)
    assert all(ari.values(f"{number}.1") == TOLD for number in range(100))
    assert 2 < ari.most_at_once <= 8


@pytest.mark.parametrize("status", [404, 409])
async def test_an_answer_that_comes_too_late_is_an_ordinary_end(ari: FakeAri, desk: Desk, status: int) -> None:
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        desk.may_answer.clear()
        await ari.enter()
        await until(lambda: desk.asked)
        del ari.inside["1.1"]
        if status == 409:
            ari.elsewhere.add("1.1")
        desk.may_answer.set()
        await until(lambda: desk.counts.late)
    assert (desk.outcomes, desk.counts.broken, ari.set, ari.let_go) == ([False], 0, [], [])


async def test_who_has_left_before_the_answer_is_not_written_to(ari: FakeAri, desk: Desk) -> None:
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        desk.may_answer.clear()
        await ari.enter()
        await until(lambda: desk.asked)
        await ari.say(end())
        await ari.enter()  # the same channel asks once more
        await until(lambda: len(desk.asked) == 2)
        desk.may_answer.set()
        await until(lambda: ari.let_go)
    assert (sorted(desk.outcomes), desk.counts.late) == ([False, True], 1)
    assert len(ari.set) == len(TOLD), "the first answer is not mixed into the second"


async def test_who_has_left_before_anybody_looked_is_known_all_the_same(ari: FakeAri, desk: Desk) -> None:
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        await ari.say(start(), end())
        await until(lambda: desk.counts.late)
    assert [request.uniqueid for request in desk.asked] == ["1.1"], "as by FastAGI: a caller who hung up was a caller"
    assert (desk.outcomes, ari.set, ari.let_go) == ([False], [], [])


async def test_a_line_that_is_cut_is_made_again_and_who_waits_is_answered(ari: FakeAri, desk: Desk) -> None:
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        await ari.cut()
        ari.inside["2.1"] = channel("2.1")
        ari.inside["3.1"] = channel("3.1", application="somebody-else")
        await until(lambda: ari.let_go)
        await until(lambda: up(desk))
    assert ari.let_go == ["2.1"]
    assert [state for state, _ in desk.states] == ["up", "down", "up"]
    assert "closed by Asterisk" in desk.states[1][1]
    assert desk.counts.sessions == 2


async def test_who_was_there_before_us_gets_a_whole_decision(ari: FakeAri, desk: Desk) -> None:
    ari.inside["1.1"] = channel()
    async with entry_at(ari.port, desk):
        await until(lambda: ari.let_go)
    assert ari.values() == {**dict.fromkeys(CLEARED, ""), **TOLD}
    assert ari.set[0] == ("1.1", "CTI_DECISION", ""), "what an earlier run decided must not count meanwhile"
    assert ari.set[-1] == ("1.1", "CTI_DECISION", "matched")


async def test_a_caller_both_found_and_told_of_is_decided_about_once(ari: FakeAri, desk: Desk) -> None:
    desk.may_answer.clear()
    ari.inside["1.1"] = channel()
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk) and desk.asked)
        await ari.say(start(), start())
        await ari.enter("2.1")
        await until(lambda: len(desk.asked) == 2)
        desk.may_answer.set()
        await until(lambda: len(ari.let_go) == 2)
    assert [request.uniqueid for request in desk.asked] == ["1.1", "2.1"]


async def test_a_line_that_is_to_be_encrypted_is_and_the_certificate_is_checked(desk: Desk) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(CERTIFICATE)
    encrypted = FakeAri()
    await encrypted.open(server)
    try:
        async with entry_at(encrypted.port, desk, tls=ssl.create_default_context()):
            await until(lambda: desk.states)
            assert "certificate refused: self-signed certificate" in desk.states[0][1]
            assert encrypted.asked == []
        async with entry_at(encrypted.port, desk):
            await until(lambda: len(desk.states) > 1)
            assert encrypted.asked == []
        async with entry_at(encrypted.port, desk, tls=ssl.create_default_context(cafile=CERTIFICATE)):
            await until(lambda: up(desk))
            await encrypted.enter()
            await until(lambda: encrypted.let_go)
            assert encrypted.values() == TOLD
    finally:
        await encrypted.close()


async def test_nobody_there_is_said_once_and_healed(ari: FakeAri, desk: Desk) -> None:
    await ari.close()
    with structlog.testing.capture_logs() as logged:
        async with entry_at(ari.port, desk):
            await until(lambda: len(desk.states) >= 2)
            await ari.open()
            await until(lambda: up(desk))
    assert desk.states[0] == ("down", f"ARI at 127.0.0.1:{ari.port}: Connection refused")
    assert [line["event"] for line in logged] == ["ari.lost", "ari.connected"]


async def test_a_wrong_password_is_one_clear_reason_without_the_password(
    ari: FakeAri, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged:
        async with entry_at(ari.port, desk, secret="falsch & laut"):
            await until(lambda: len(desk.states) >= 2)
            ari.secret = "falsch & laut"
            await until(lambda: up(desk))
    expected = f"ARI at 127.0.0.1:{ari.port} refused the login of user 'cti': wrong name or password"
    assert desk.states[0] == ("down", expected)
    assert "falsch" not in json.dumps(logged) + caplog.text


async def test_a_user_who_may_only_read_is_not_taken_for_well(ari: FakeAri, desk: Desk) -> None:
    ari.override = lambda asked: None if asked.startswith("GET") else web.Response(status=403)
    async with entry_at(ari.port, desk):
        await until(lambda: desk.states)
        expected = (
            f"ARI at 127.0.0.1:{ari.port} does not let user 'cti' do this: see read_only, permit and deny in ari.conf"
        )
        assert desk.states[0] == ("down", expected)
        ari.override = lambda _: None
        await until(lambda: up(desk))


async def test_neither_secret_nor_customer_reaches_a_log_or_an_address(
    ari: FakeAri, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged:
        async with entry_at(ari.port, desk) as running:
            await until(lambda: up(desk))
            assert SECRET not in repr(running._address)
            await ari.enter()
            await until(lambda: ari.let_go)
            ari.override = lambda _: web.Response(status=500, text="Ёлкина")
            await ari.enter("2.1")
            await until(lambda: desk.counts.broken)
            await ari.say("{", "Ёлкина")
            await until(lambda: len(desk.states) >= 2)
    everything = json.dumps(logged, ensure_ascii=False) + caplog.text
    assert "geheim" not in everything and "geheim" not in "".join(ari.asked) and "api_key" not in "".join(ari.asked)
    assert "Ёлкина" not in everything and "Мария" not in everything
    assert "Authorization" not in everything


@pytest.mark.parametrize(
    "event",
    [
        {"type": "StasisStart"},
        {"type": "StasisStart", "channel": None, "args": None},
        {"type": "StasisStart", "channel": {"id": 7}, "args": ARGUMENTS},
        {"type": "StasisStart", "channel": [], "args": {}},
        {"type": "StasisEnd"},
        {"type": "StasisEnd", "channel": "1.1"},
        {"type": "NobodyKnows"},
        {"no": "type"},
        [1, 2, 3],
        b"\x00\xff",
        "{",
        '{"type": ["StasisStart"]}',
        "[" * 100_000,
        '{"type": "StasisStart", "more": "' + "x" * 1_000_000 + '"}',
    ],
    ids=lambda event: repr(event)[:40],
)
async def test_an_event_that_is_none_costs_no_caller(ari: FakeAri, desk: Desk, event: object) -> None:
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        await ari.say(event)
        ari.inside["2.1"] = channel("2.1")
        await ari.say(start("2.1"))
        await until(lambda: ari.let_go == ["2.1"])
    assert ari.values("2.1")["CTI_DECISION"] == "matched"


async def test_a_line_that_breaks_under_a_ping_is_only_a_line_that_broke(
    ari: FakeAri, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ClientConnectionResetError("Cannot write to closing transport")

    desk.may_answer.clear()
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        await ari.enter()
        await until(lambda: desk.asked)
        with monkeypatch.context() as patch:
            patch.setattr(ClientWebSocketResponse, "pong", broken)
            await ari.ping()
            await until(lambda: desk.states[-1][0] == "down")
        desk.may_answer.set()
        await until(lambda: ari.let_go)
        await until(lambda: up(desk))
    assert ari.values() == TOLD, "who is being decided about does not lose his decision"
    assert desk.counts.sessions == 2


async def test_a_defect_of_ours_is_told_and_costs_one_caller(
    ari: FakeAri, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defective(channel: object, arguments: object) -> RouteRequest:
        raise RuntimeError("defect")

    with structlog.testing.capture_logs() as logged:
        async with entry_at(ari.port, desk):
            await until(lambda: up(desk))
            with monkeypatch.context() as patch:
                patch.setattr(entry_module, "read_request", defective)
                await ari.enter("1.1")
                await until(lambda: [line for line in logged if line["event"] == "ari.failed"])
            await ari.enter("2.1")
            await until(lambda: ari.let_go == ["2.1"])
    assert len([line for line in logged if line["event"] == "ari.failed"]) == 1


@pytest.mark.parametrize("arguments", [["other"], [], None, "route"])
async def test_who_comes_with_another_question_is_let_go_at_once(ari: FakeAri, desk: Desk, arguments: object) -> None:
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        ari.inside["1.1"] = channel()
        await ari.say(start(args=arguments))
        await until(lambda: ari.let_go)
    assert (desk.asked, ari.set, desk.counts.broken) == ([], [], 1)


@pytest.mark.parametrize("error", [ValueError("unsafe: Ёлкина"), RuntimeError("defect")])
async def test_who_cannot_be_answered_is_let_go_at_once(ari: FakeAri, desk: Desk, error: Exception) -> None:
    desk.error = error
    with structlog.testing.capture_logs() as logged:
        async with entry_at(ari.port, desk):
            await until(lambda: up(desk))
            await ari.enter()
            await until(lambda: ari.let_go)
            await until(lambda: desk.counts.broken)
    assert ari.set == []
    assert "Ёлкина" not in json.dumps(logged, ensure_ascii=False), "a library's words may hold anything"


async def test_a_variable_that_is_refused_takes_the_decision_with_it(ari: FakeAri, desk: Desk) -> None:
    ari.override = lambda asked: web.Response(status=500) if asked.endswith("variable") else None
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        await ari.enter()
        await until(lambda: ari.let_go and desk.counts.broken)
    assert (desk.outcomes, desk.counts.broken) == ([False], 1)
    assert not [asked for asked in ari.asked if "CTI_DECISION" in asked]


async def test_requests_that_are_never_answered_have_an_end(ari: FakeAri, desk: Desk) -> None:
    ari.held = asyncio.Event()
    async with entry_at(ari.port, desk, answer_within_s=0.2):
        await until(lambda: up(desk))
        await ari.enter()
        await until(lambda: desk.counts.broken)
        assert desk.outcomes == [False]
        ari.held = None
        await ari.enter("2.1")
        await until(lambda: "2.1" in ari.let_go)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        lambda: web.Response(text="<html>"),
        lambda: web.Response(text="[" * 100_000),
        lambda: web.Response(body=b"\xff" * 1_000_000),
        lambda: web.json_response({"channel_ids": [7, None, {}]}),
        lambda: web.json_response(["x"]),
    ],
)
async def test_an_answer_that_is_none_harms_nobody(ari: FakeAri, desk: Desk, answer: object) -> None:
    ari.inside["1.1"] = channel()
    ari.override = lambda asked: answer() if "applications" in asked else None  # type: ignore[operator]
    async with entry_at(ari.port, desk):
        await until(lambda: desk.states)
        ari.override = lambda _: None
        await until(lambda: up(desk))
        await ari.say(start())
        await until(lambda: ari.let_go == ["1.1"])


async def test_a_full_inbox_is_counted_and_the_rest_is_answered(
    ari: FakeAri, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry_module, "INBOX", 3)
    monkeypatch.setattr(entry_module, "AT_ONCE", 2)
    desk.may_answer.clear()
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        for number in range(2):
            await ari.enter(f"{number}.1")
        await until(lambda: len(desk.asked) == 2)
        for number in range(2, 10):
            await ari.enter(f"{number}.1")
        await until(lambda: desk.counts.overflows == 5)
        desk.may_answer.set()
        await until(lambda: len(ari.let_go) == 5)
    assert desk.counts.requests == 5


async def test_another_program_that_takes_the_application_is_named_and_not_chased(
    ari: FakeAri, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Iterator[float]] = []

    def short_delays() -> Iterator[float]:
        begun.append(repeat(0.01))
        return begun[-1]

    monkeypatch.setattr(entry_module, "delays", short_delays)
    async with entry_at(ari.port, desk):
        await until(lambda: up(desk))
        for _ in range(3):
            sessions = ari.sessions
            await ari.say({"type": "ApplicationReplaced", "application": "cti-bridge"})
            await until(lambda before=sessions: ari.sessions > before)  # type: ignore[misc]
            await until(lambda: up(desk))
        assert len(begun) == 1, "each time it comes back later"
        await ari.cut()
        await until(lambda: ari.sessions == 5 and up(desk))
        assert len(begun) == 2, "a line that only broke is made again as fast as ever"
    assert "another program has taken the Stasis application 'cti-bridge'" in [reason for _, reason in desk.states]


async def test_at_the_end_decisions_in_flight_are_finished_and_nobody_new_is_taken(ari: FakeAri, desk: Desk) -> None:
    async with entry_at(ari.port, desk) as running:
        await until(lambda: up(desk))
        desk.may_answer.clear()
        await ari.enter()
        await until(lambda: desk.asked)
        stopping = asyncio.create_task(running.stop(within_s=5.0))
        await until(lambda: not ari.listeners)
        desk.may_answer.set()
        await stopping
        assert ari.let_go == ["1.1"]
    assert desk.outcomes == [True]
    assert ari.sessions == 1
