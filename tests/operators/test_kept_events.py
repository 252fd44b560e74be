"""What is kept for pages that come back: the latest events, in order, as far as memory and time allow."""

from unittest.mock import patch

import pytest

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators import streams
from cti_bridge.operators.protocol import Resume
from cti_bridge.operators.streams import KEPT_BYTES_EACH, KEPT_EVENTS, KEPT_S, Stream, Streams

ANNA = OperatorId("anna")
BORIS = OperatorId("boris")


def told(kept: Streams, stream: Stream, events: int, *, at: float = 0.0, body: bytes = b"{}") -> None:
    for _ in range(events):
        kept.append(stream, body, "", "call.updated", at)


def missed(kept: Streams, stream: Stream, seq: int, at: float = 0.0) -> list[int] | None:
    frames = kept.missed(stream, Resume(stream.id, seq), at)
    return None if frames is None else [frame.seq for frame in frames]


def test_a_page_gets_exactly_what_it_missed() -> None:
    kept = Streams()
    stream = kept.of(ANNA, 0.0)
    told(kept, stream, 5)
    assert missed(kept, stream, 2) == [3, 4, 5]
    assert missed(kept, stream, 5) == []
    assert missed(kept, stream, 0) == [1, 2, 3, 4, 5]


def test_a_number_that_was_never_given_out_and_another_stream_are_no_positions() -> None:
    kept = Streams()
    stream, colleagues = kept.of(ANNA, 0.0), kept.of(BORIS, 0.0)
    told(kept, stream, 2)
    told(kept, colleagues, 2)
    assert missed(kept, stream, 3) is None
    assert missed(kept, stream, 2**53 - 1) is None
    assert kept.missed(stream, Resume("", 0), 0.0) is None
    assert kept.missed(stream, Resume(colleagues.id, 1), 0.0) is None


def test_the_last_thousand_events_are_kept_and_no_more() -> None:
    kept = Streams()
    stream = kept.of(ANNA, 0.0)
    told(kept, stream, KEPT_EVENTS + 7)
    assert missed(kept, stream, 7) == list(range(8, KEPT_EVENTS + 8))
    assert missed(kept, stream, 6) is None


def test_an_event_is_kept_for_ten_minutes() -> None:
    kept = Streams()
    stream = kept.of(ANNA, 0.0)
    told(kept, stream, 1, at=0.0)
    told(kept, stream, 1, at=1.0)
    assert missed(kept, stream, 0, KEPT_S - 0.1) == [1, 2]
    assert missed(kept, stream, 0, KEPT_S) is None
    assert missed(kept, stream, 1, KEPT_S) == [2]
    assert missed(kept, stream, 2, 10 * KEPT_S) == []


def test_endless_cards_of_one_operator_cost_no_more_than_his_share() -> None:
    kept = Streams()
    stream, colleagues = kept.of(ANNA, 0.0), kept.of(BORIS, 0.0)
    told(kept, colleagues, 3)
    told(kept, stream, 50, body="ё".encode() * 50_000)
    assert kept.kept_bytes < 1.1 * KEPT_BYTES_EACH
    assert missed(kept, stream, 40) == list(range(41, 51))
    assert missed(kept, stream, 39) is None
    assert missed(kept, colleagues, 0) == [1, 2, 3]


def test_an_event_larger_than_a_share_is_not_kept_at_all() -> None:
    kept = Streams()
    stream = kept.of(ANNA, 0.0)
    told(kept, stream, 1, body=b"x" * (KEPT_BYTES_EACH + 1))
    assert (missed(kept, stream, 0), missed(kept, stream, 1), kept.kept_bytes) == (None, [], 0)


def test_beyond_the_memory_for_all_the_oldest_go_whoever_they_belong_to() -> None:
    kept = Streams(kept_bytes=100_000)
    stream, colleagues = kept.of(ANNA, 0.0), kept.of(BORIS, 0.0)
    told(kept, stream, 1)
    told(kept, colleagues, 300, at=1.0)
    assert kept.kept_bytes <= 100_000
    assert missed(kept, stream, 0) is None
    assert missed(kept, stream, 1) == []
    assert missed(kept, colleagues, 299) == [300]


def test_a_stream_without_pages_is_kept_as_long_as_its_events_and_then_begins_anew() -> None:
    kept = Streams()
    stream = kept.of(ANNA, 0.0)
    told(kept, stream, 1, at=10.0)
    kept.expire(KEPT_S + 9.0)
    assert kept.of(ANNA, KEPT_S) is stream
    kept.expire(KEPT_S + 10.0)
    assert kept.all() == []
    assert kept.kept_bytes == 0
    assert kept.of(ANNA, KEPT_S + 10.0).id != stream.id


@pytest.mark.parametrize("ending", ["dropped", "too old", "beyond his share"])
def test_nothing_is_left_of_events_that_are_gone(ending: str) -> None:
    kept = Streams()
    with patch.object(streams, "KEPT_EVENTS", 10):
        for turn in range(200):
            told(kept, kept.of(ANNA, 0.0), 20, at=float(turn))
            if ending == "dropped":
                kept.drop(ANNA)
    if ending == "too old":
        kept.expire(KEPT_S + 200.0)
        assert kept.kept_bytes == 0
    assert len(kept._in_order) < 2 * 10 + 20
