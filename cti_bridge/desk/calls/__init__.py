"""The call in hand: hanging up, holding, sending on, asking a colleague, picking up, dialling."""
