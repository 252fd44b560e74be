"""Calls that are sent on, with and without asking first."""

from story_telling import OLGA, TIMUR, ZOYA

from expected.story import ANSWERED_ONLY, ASKED, GAVE_UP, NOT_ANSWERED, PLAIN, Expected, rang, talked

_SENT_ON = "queued ringing talking ringing talking closed"

EXPECTED = {
    "blind_to_operator": (
        Expected(_SENT_ON, {OLGA: PLAIN, TIMUR: PLAIN}, (talked("101", 0.5, "transferred"), talked("102", 0.5))),
    ),
    "blind_to_queue": (
        Expected(
            "queued ringing talking queued ringing talking closed",
            {OLGA: PLAIN, ZOYA: PLAIN},
            (talked("101", 0.5, "transferred"), talked("103", 0.5)),
            queue="production",
        ),
    ),
    "blind_outside": (Expected(_SENT_ON, {OLGA: PLAIN}, (talked("101", 0.5, "transferred"), talked("trunk", 0.5))),),
    "blind_to_busy": (
        Expected(
            "queued ringing talking ringing closed",
            {OLGA: PLAIN, TIMUR: NOT_ANSWERED},
            (talked("101", 0.5, "transferred"), rang("102", "refused")),
        ),
    ),
    "blind_refused_and_back": (
        Expected(
            "queued ringing talking ringing talking closed",
            {OLGA: PLAIN + PLAIN, TIMUR: NOT_ANSWERED},
            (talked("101", 0.5, "transferred"), rang("102", "refused"), talked("101", 0.5)),
        ),
    ),
    "blind_to_wrong_extension": (Expected("queued ringing talking closed", {OLGA: PLAIN}, (talked("101", 1.0),)),),
    "attended": (
        Expected(
            "queued ringing talking held talking closed",
            {OLGA: PLAIN, TIMUR: ASKED},
            (talked("101", 1.1, "transferred"), talked("102", 0.5)),
        ),
    ),
    # The queue that she asked is a call of its own; whom it found comes into the caller's call when she hangs up.
    "attended_to_queue": (
        Expected(
            "queued ringing talking held talking closed",
            {OLGA: PLAIN, ZOYA: ANSWERED_ONLY},
            (talked("101", 1.65, "transferred"), talked("103", 0.5)),
        ),
        Expected("queued ringing talking closed", {ZOYA: PLAIN}, (talked("103", 1.0),), queue="production"),
    ),
    "consultation_taken_back": (
        Expected(
            "queued ringing talking held talking closed",
            {OLGA: PLAIN, TIMUR: PLAIN},
            (talked("101", 1.5), talked("102", 0.0)),
        ),
    ),
    "caller_gone_in_consultation": (
        Expected(
            "queued ringing talking held closed",
            {OLGA: PLAIN, TIMUR: PLAIN},
            (talked("101", 0.9), talked("102", 0.0)),
        ),
    ),
    # The phone lets both hear each other. Asterisk has two calls, and does not know.
    "three_way_in_the_phone": (
        Expected(
            "queued ringing talking held talking closed",
            {OLGA: PLAIN, TIMUR: PLAIN},
            (talked("101", 1.65), talked("102", 0.0)),
        ),
    ),
    "transferred_away_and_free": (
        Expected(_SENT_ON, {OLGA: PLAIN, TIMUR: PLAIN}, (talked("101", 0.5, "transferred"), talked("102", 1.15))),
        Expected("queued ringing talking closed", {OLGA: PLAIN}, (talked("101", 0.5),)),
    ),
    # Asterisk stops the phone before it says that he left the queue, so at that moment he seems to have given up.
    "waiting_caller_redirected": (
        Expected(
            "queued ringing queued ringing talking closed",
            {OLGA: GAVE_UP, TIMUR: PLAIN},
            (rang("101", "cancelled"), talked("102", 0.3)),
        ),
    ),
    "talk_redirected": (Expected(_SENT_ON, {OLGA: PLAIN, TIMUR: PLAIN}, (talked("101", 0.5), talked("102", 0.3))),),
}
