"""Calls to an operator's own number, several calls of one operator, and a caller with a hostile name."""

from story_telling import OLGA, ZOYA

from expected.story import ANSWERED_ONLY, GAVE_UP, NOT_ANSWERED, PLAIN, TAKEN, Expected, rang, talked

EXPECTED = {
    "direct_answered": (Expected("ringing talking closed", {OLGA: PLAIN}, (talked("101", 0.5),), queue=""),),
    "direct_given_up": (Expected("ringing closed", {OLGA: GAVE_UP}, (rang("101", "cancelled"),), "abandoned", ""),),
    "direct_refused": (Expected("ringing closed", {OLGA: NOT_ANSWERED}, (rang("101", "refused"),), "abandoned", ""),),
    "direct_picked_up": (
        Expected(
            "ringing talking closed",
            {OLGA: TAKEN, ZOYA: ANSWERED_ONLY},
            (rang("101", "cancelled"), talked("103", 0.5)),
            queue="",
        ),
    ),
    "two_calls_at_once": (
        Expected("queued ringing talking held talking closed", {OLGA: PLAIN}, (talked("101", 2.15),)),
        Expected("ringing talking closed", {OLGA: PLAIN}, (talked("101", 0.5),), queue=""),
    ),
    "hostile_name": (Expected("queued ringing talking closed", {OLGA: PLAIN}, (talked("101", 0.5),)),),
}
