"""What operators do at their pages: the caller is set aside, and somebody is asked about him."""

from story_telling import OLGA, TIMUR, ZOYA

from expected.story import ASKED, GAVE_UP, NOT_ANSWERED, PLAIN, Expected, Talk, rang, talked

HELD_ONCE = "queued ringing talking held talking closed"

EXPECTED = {
    "desk_hold": (
        Expected("queued ringing talking held talking held talking closed", {OLGA: PLAIN}, (talked("101", 1.5),)),
    ),
    "desk_hold_operator_gone": (
        Expected(
            "queued ringing talking held ringing talking closed",
            {OLGA: PLAIN + PLAIN},
            (talked("101", 0.5), talked("101", 0.5)),
        ),
    ),
    "desk_hold_caller_gone": (Expected("queued ringing talking held closed", {OLGA: PLAIN}, (talked("101", 0.5),)),),
    "desk_consult_completed": (
        Expected(
            HELD_ONCE,
            {OLGA: PLAIN, TIMUR: ASKED},
            (talked("101", 0.5, "transferred"), talked("102", 1.0)),
        ),
    ),
    "desk_consult_cancelled": (
        Expected(
            "queued ringing talking held talking held talking closed",
            {OLGA: PLAIN, TIMUR: PLAIN, ZOYA: GAVE_UP},
            (talked("101", 1.5), talked("102", 0.0), rang("103", "cancelled")),
        ),
    ),
    "desk_consult_refused": (
        Expected(HELD_ONCE, {OLGA: PLAIN, TIMUR: NOT_ANSWERED}, (talked("101", 1.0), rang("102", "refused"))),
    ),
    "desk_consult_operator_gone": (
        Expected(
            "queued ringing talking held ringing talking closed",
            {OLGA: PLAIN + PLAIN, TIMUR: PLAIN},
            (talked("101", 0.5), talked("102", 0.0), talked("101", 0.5)),
        ),
    ),
    "desk_consult_caller_gone": (
        Expected(
            "queued ringing talking held closed", {OLGA: PLAIN, TIMUR: PLAIN}, (talked("101", 0.5), talked("102", 0.0))
        ),
    ),
    "desk_consult_outside": (
        Expected(
            HELD_ONCE,
            {OLGA: PLAIN},
            (
                talked("101", 0.5, "transferred"),
                Talk("Local/74950000277@phones", "ended", 1.0),
                Talk("PJSIP/trunk", "ended", 1.0),
            ),
        ),
    ),
}
