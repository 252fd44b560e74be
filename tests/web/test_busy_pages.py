"""A page that does as it is told may be as busy as its operator's phone."""

from pathlib import Path

from front_desk import ANNA, call, front_desk


async def test_whoever_confirms_what_he_is_sent_is_never_too_fast(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        for number in range(300):  # all in one moment: the clock stands still
            desk.hub.publish(ANNA.id, "call.ringing", call=call(f"main-1.{number}"))
            frame = await page.event("call.ringing")
            await page.send(op="ack", seq=frame["seq"], paint_ms=1)
        await page.send(op="ping")
        await page.receive("pong")


async def test_what_he_was_sent_is_no_licence_for_a_flood(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        for number in range(1000):
            desk.hub.publish(ANNA.id, "call.updated", call=call(f"main-1.{number}"))
            await page.event("call.updated")
        for _ in range(400):
            await page.send(op="ack", seq=1, paint_ms=1)
        assert (await page.sent_away())[1] == 4004
