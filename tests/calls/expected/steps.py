"""Callers on the way that the dialplan has for them."""

from story_telling import OLGA, TIMUR, ZOYA

from expected.story import GAVE_UP, NOT_ANSWERED, PLAIN, Expected, rang, talked

_TWICE = "queued ringing queued ringing talking closed"


def _in_vain(outcome: str) -> Expected:
    """Nobody answered in the first queue, and there is no other."""
    states = "queued ringing queued closed"
    return Expected(states, {OLGA: NOT_ANSWERED}, (rang("101", "no_answer"),), outcome, "delivery")


EXPECTED = {
    "second_queue_answers": (
        Expected(
            _TWICE,
            {OLGA: NOT_ANSWERED, ZOYA: PLAIN},
            (rang("101", "no_answer"), talked("103", 0.5)),
            queue="production",
        ),
    ),
    "first_queue_full": (
        Expected("queued closed", {}, (), "abandoned"),
        Expected("queued ringing talking closed", {ZOYA: PLAIN}, (talked("103", 0.5),), queue="production"),
    ),
    "empty_queue_refuses": (
        Expected("queued ringing talking closed", {ZOYA: PLAIN}, (talked("103", 0.5),), queue="production"),
    ),
    "queue_becomes_empty": (
        Expected(
            _TWICE, {OLGA: NOT_ANSWERED, ZOYA: PLAIN}, (rang("101", "refused"), talked("103", 0.5)), queue="production"
        ),
    ),
    "missed_with_callback": (_in_vain("missed"),),
    "missed_with_voicemail": (_in_vain("missed"),),
    # He was to be told that he will be called back, but the sound was not there; the last queue took him.
    "callback_in_the_last_queue": (
        Expected(_TWICE, {OLGA: NOT_ANSWERED, TIMUR: PLAIN}, (rang("101", "no_answer"), talked("102", 0.5))),
    ),
    "overflowed_elsewhere": (_in_vain("overflowed"),),
    "overflowed_outside": (
        Expected(
            _TWICE,
            {OLGA: NOT_ANSWERED},
            (rang("101", "no_answer"), talked("trunk", 0.5)),
            "overflowed",
            "delivery",
        ),
    ),
    "preferred_operator_answers": (Expected("ringing talking closed", {OLGA: PLAIN}, (talked("101", 0.5),), queue=""),),
    "preferred_operator_does_not_answer": (
        Expected(
            "ringing queued ringing talking closed",
            {OLGA: NOT_ANSWERED, TIMUR: PLAIN},
            (rang("101", "no_answer"), talked("102", 0.5)),
        ),
    ),
    "preferred_operator_refuses": (
        Expected(
            "ringing queued ringing talking closed",
            {OLGA: NOT_ANSWERED, TIMUR: PLAIN},
            (rang("101", "refused"), talked("102", 0.5)),
        ),
    ),
    # Asterisk says nothing of a phone that it cannot call; only the decision has who was wanted.
    "preferred_operator_unregistered": (
        Expected("queued ringing talking closed", {TIMUR: PLAIN}, (talked("102", 0.5),)),
    ),
    "preferred_operator_given_up": (
        Expected("ringing closed", {OLGA: GAVE_UP}, (rang("101", "cancelled"),), "abandoned", ""),
    ),
}
