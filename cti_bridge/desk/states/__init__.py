"""Operators' states: what becomes of them, and what Asterisk is told for them."""
