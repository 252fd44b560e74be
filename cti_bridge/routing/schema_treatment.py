"""The part of the rule file's JSON Schema about how callers are treated in queues."""

from cti_bridge.routing.lines import LANGUAGE
from cti_bridge.routing.schema_parts import Schema, duration, integer, queue, table, text
from cti_bridge.routing.treatment import ANNOUNCEMENT, MAX_PENALTY, MAX_WAITING, NEVER, PENALTY_KEYS

_NONE: Schema = {"const": ""}


def step_limits() -> dict[str, Schema]:
    """The keys of every step."""
    return {
        "queue": queue(),
        "timeout": duration("how long a caller waits in it; 0: without a limit"),
        "max_waiting": integer(1, MAX_WAITING, "the step is passed over when so many callers wait there already"),
    }


def first_step() -> Schema:
    """`queue` of a rule: a name, or with limits."""
    return {"description": "the first step", "anyOf": [queue(), table(step_limits(), required=["queue"])]}


def treatment() -> dict[str, Schema]:
    """The keys of a rule."""
    language = text(pattern=f"^(?:{LANGUAGE.pattern})$")
    sound = text(pattern=f"^(?:{ANNOUNCEMENT.pattern})$")
    return {
        "penalties": _penalties("only members of the queues whose penalty is within these limits are called"),
        "language": _or_none(
            language, 'for the sounds of the queue, instead of that of the line; "" for that of the line'
        ),
        "announcement": _or_none(sound, 'the sound that the caller hears first; "" for none'),
    }


def _penalties(description: str = "") -> Schema:
    return table({name: integer(0, MAX_PENALTY) for name in PENALTY_KEYS}, description)


def _or_none(schema: Schema, description: str) -> Schema:
    return {"description": description, "anyOf": [schema, _NONE]}


def expected_limits() -> dict[str, Schema]:
    """The keys of a step that a test expects."""
    return {
        "queue": queue(),
        "timeout": duration(),
        "max_waiting": {"description": '"" for none', "anyOf": [integer(1, MAX_WAITING), _NONE]},
    }


def expected_treatment() -> dict[str, Schema]:
    """The keys of `expect`."""
    return {
        "penalties": _or_none(_penalties(), '"" for none'),
        "language": _or_none(text(), '"" for none'),
        "announcement": _or_none(text(), '"" for none'),
    }


def max_overtake() -> Schema:
    """For how long a caller may be overtaken."""
    description = "who has been overtaken for so long comes first"
    return {"description": description, "anyOf": [duration(), {"const": NEVER}]}
