"""Of the rule file's JSON Schema the operator who is rung before the queue."""

from cti_bridge.domain.operator import OPERATOR_ID
from cti_bridge.routing.preferred import MAX_WISHES, WORDS
from cti_bridge.routing.schema_parts import Schema, choice, items, table, text


def operator_wishes() -> Schema:
    """One operator, or a list of which the first is rung who is known and free."""
    named = table({"id": text("id of an operator", pattern=f"^(?:{OPERATOR_ID.pattern})$")}, required=["id"])
    one: Schema = {"anyOf": [choice(WORDS), named]}
    several = items(one, least=1, most=MAX_WISHES) | {"uniqueItems": True}
    return {
        "description": "ring first who is responsible for the deal or the customer, who spoke with the caller last,"
        " or the operator with this id; of a list the first who is known and free",
        "anyOf": [*one["anyOf"], several],
    }
