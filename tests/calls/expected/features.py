"""Transfers by Asterisk's own feature codes."""

from story_telling import OLGA, TIMUR

from expected.story import ASKED, PLAIN, Expected, talked

EXPECTED = {
    "feature_attended": (
        Expected(
            "queued ringing talking held talking closed",
            {OLGA: PLAIN, TIMUR: ASKED},
            (talked("101", 1.9, "transferred"), talked("102", 0.9)),
        ),
    ),
    "feature_cancelled": (
        Expected(
            "queued ringing talking held talking closed",
            {OLGA: PLAIN, TIMUR: PLAIN},
            (talked("101", 2.5), talked("102", 0.0)),
        ),
    ),
    "feature_three_way": (
        Expected(
            "queued ringing talking held talking closed",
            {OLGA: PLAIN, TIMUR: ASKED},
            (talked("101", 2.5, "transferred"), talked("102", 1.1)),
        ),
    ),
}
