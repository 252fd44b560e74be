"""Callers in one queue."""

from story_telling import OLGA, TIMUR, ZOYA

from expected.story import GAVE_UP, NOT_ANSWERED, PLAIN, TAKEN, Expected, rang, talked

_ONE_AFTER_ANOTHER = "queued ringing queued ringing talking closed"
_TIMUR_AFTER_OLGA = {OLGA: NOT_ANSWERED, TIMUR: PLAIN}

EXPECTED = {
    "ring_all_one_answers": (
        Expected(
            "queued ringing talking closed",
            {OLGA: TAKEN, TIMUR: PLAIN, ZOYA: TAKEN},
            (rang("101", "cancelled"), talked("102", 0.5), rang("103", "cancelled")),
            queue="service",
        ),
    ),
    # Both phones sent their 200 OK. Whose comes first is chance; here Asterisk took the one of 102.
    "ring_all_two_answer": (
        Expected(
            "queued ringing talking closed",
            {OLGA: TAKEN, TIMUR: PLAIN},
            (rang("101", "cancelled"), talked("102", 0.5)),
            queue="service",
        ),
    ),
    "next_member_after_no_answer": (
        Expected(
            _ONE_AFTER_ANOTHER, _TIMUR_AFTER_OLGA, (rang("101", "no_answer"), talked("102", 0.5)), queue="delivery"
        ),
    ),
    "refused_then_next": (
        Expected(_ONE_AFTER_ANOTHER, _TIMUR_AFTER_OLGA, (rang("101", "refused"), talked("102", 0.5))),
    ),
    "refused_while_others_ring": (
        Expected(
            "queued ringing talking closed",
            _TIMUR_AFTER_OLGA,
            (rang("101", "refused"), talked("102", 0.5)),
            queue="service",
        ),
    ),
    "second_tier": (
        Expected("queued ringing talking closed", {OLGA: PLAIN}, (talked("101", 1.15),)),
        Expected("queued ringing talking closed", {TIMUR: PLAIN}, (talked("102", 0.5),)),
    ),
    # Who was wanted is told by the leg, though his phone never heard of it.
    "unplugged_phone": (
        Expected(
            _ONE_AFTER_ANOTHER, _TIMUR_AFTER_OLGA, (rang("101", "no_answer"), talked("102", 0.5)), queue="delivery"
        ),
    ),
    "paused_while_ringing": (
        Expected(
            _ONE_AFTER_ANOTHER, _TIMUR_AFTER_OLGA, (rang("101", "no_answer"), talked("102", 0.5)), queue="delivery"
        ),
    ),
    "paused_and_answered": (Expected("queued ringing talking closed", {OLGA: PLAIN}, (talked("101", 0.5),)),),
    "member_added_while_waiting": (Expected("queued ringing talking closed", {OLGA: PLAIN}, (talked("101", 0.5),)),),
    "abandoned_waiting": (Expected("queued closed", {}, (), "abandoned"),),
    "abandoned_ringing": (
        Expected("queued ringing queued closed", {OLGA: GAVE_UP}, (rang("101", "cancelled"),), "abandoned"),
    ),
    "abandoned_ringing_three": (
        Expected(
            "queued ringing queued closed",
            {OLGA: GAVE_UP, TIMUR: GAVE_UP, ZOYA: GAVE_UP},
            tuple(rang(extension, "cancelled") for extension in ("101", "102", "103")),
            "abandoned",
            "service",
        ),
    ),
    "operator_hangs_up": (Expected("queued ringing talking closed", {OLGA: PLAIN}, (talked("101", 0.5),)),),
}
