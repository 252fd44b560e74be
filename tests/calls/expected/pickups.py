"""Calls that reach an operator on a way round."""

from story_telling import OLGA, ZOYA

from expected.story import ANSWERED_ONLY, PLAIN, TAKEN, Expected, Talk, rang, talked

EXPECTED = {
    "picked_up": (
        Expected(
            "queued ringing talking closed",
            {OLGA: TAKEN, ZOYA: ANSWERED_ONLY},
            (rang("101", "cancelled"), talked("103", 0.5)),
        ),
    ),
    "local_member": (
        Expected(
            "queued ringing talking closed",
            {OLGA: PLAIN},
            (Talk("Local/101@agents", "ended", 0.5), talked("101", 0.5)),
        ),
    ),
    # The Local channel got out of the way after half a second.
    "local_member_optimised": (
        Expected(
            "queued ringing talking closed",
            {OLGA: PLAIN},
            (Talk("Local/101@agents", "ended", 0.5), talked("101", 1.5)),
        ),
    ),
}
