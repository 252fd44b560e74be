"""Who works in the demo."""

OPERATORS = {
    "op1": "Елена Крылова",
    "op2": "Тимур Ахметов",
    "op3": "Ольга Ланская",
    "op4": "Денис Рябинин",
    "op5": "Зоя Цветкова",
    "op6": "Артём Юдин",
}
"""Id and name; the first has phone 101, and so on. Each is a user of the CRM by the same id."""
