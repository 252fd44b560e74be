"""Whatever a CRM does while it is mirrored, and whenever the mirror is stopped, the two are the same in the end."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from mirror_scene import MirrorScene

from fakes.changing import ChangingCrm

NUMBERS = st.integers(0, 6)
HAPPENINGS = st.one_of(
    st.tuples(st.just("put"), NUMBERS, st.lists(st.integers(0, 9), max_size=3, unique=True)),
    st.tuples(st.just("deal"), NUMBERS, st.none() | NUMBERS),
    st.tuples(st.just("delete"), NUMBERS, st.none()),
    st.tuples(st.just("delete_deal"), NUMBERS, st.none()),
    st.tuples(st.sampled_from(["step", "restart", "fail", "repeat", "leave_out", "forget"]), st.none(), st.none()),
    st.tuples(st.just("step"), st.none(), st.none()),
    st.tuples(st.just("clock"), st.sampled_from([-86_400, -10, 30, 61, 4_000, 10**8]), st.none()),
)


@given(st.lists(HAPPENINGS, min_size=5, max_size=60), st.integers(1, 7))
def test_the_mirror_equals_the_source_in_the_end(story: list[tuple[str, object, object]], page_size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(tell(story, page_size, Path(folder)))


async def tell(story: list[tuple[str, object, object]], page_size: int, folder: Path) -> None:
    scene = MirrorScene(folder, ChangingCrm(page_size=page_size))
    try:
        for number in range(4):
            scene.crm.put(number)
            scene.crm.deal(number, number)
        await scene.until_filled()
        for happening in story:
            await happens(scene, *happening)
        scene.crm.misdeeds.leave_out = 0
        await scene.until_passed()
        scene.clock.now += 3_600
        await scene.until_passed()  # one that nothing came in between of
        await scene.until_asked_again()
        assert scene.has() == scene.crm.has()
    finally:
        await scene.following.close()


async def happens(scene: MirrorScene, what: str, number: object, more: object) -> None:
    crm, misdeeds = scene.crm, scene.crm.misdeeds
    if isinstance(number, int) and what == "put":
        assert isinstance(more, list)
        crm.put(number, f"Имя {len(more)}", *(f"+749500009{number:02}"[:-1] + str(n) for n in more))
    elif isinstance(number, int) and what == "deal":
        assert more is None or isinstance(more, int)
        crm.deal(number, more)
    elif isinstance(number, int) and what == "clock":
        scene.clock.now = max(1_000.0, scene.clock.now + number)
    elif isinstance(number, int):
        (crm.delete if what == "delete" else crm.delete_deal)(number)
    elif what == "step":
        await scene.following.step()
    elif what == "restart":
        await scene.restart()
    elif what == "forget":
        misdeeds.forget_places = True
    else:
        setattr(misdeeds, what, getattr(misdeeds, what) + 1)
