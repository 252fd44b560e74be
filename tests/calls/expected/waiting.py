"""Callers who wait in the middle of a talk; and Asterisk that is stopped."""

from story_telling import OLGA, ZOYA

from expected.story import ANSWERED_ONLY, PLAIN, Expected, talked

EXPECTED = {
    "hold": (Expected("queued ringing talking held talking closed", {OLGA: PLAIN}, (talked("101", 1.3),)),),
    "caller_holds": (Expected("queued ringing talking held talking closed", {OLGA: PLAIN}, (talked("101", 1.5),)),),
    "parked_and_taken": (
        Expected(
            "queued ringing talking held talking closed",
            {OLGA: PLAIN, ZOYA: ANSWERED_ONLY},
            (talked("101", 0.5), talked("103", 0.5)),
        ),
    ),
    "parked_too_long": (
        Expected(
            "queued ringing talking held ringing talking closed",
            {OLGA: PLAIN + PLAIN},
            (talked("101", 0.5), talked("101", 0.5)),
        ),
    ),
    "parked_and_given_up": (Expected("queued ringing talking held closed", {OLGA: PLAIN}, (talked("101", 0.5),)),),
    "asterisk_stopped": (
        Expected("queued ringing talking closed", {OLGA: PLAIN}, (talked("101", 1.1),)),
        Expected("queued closed", {}, (), "abandoned"),
    ),
}
