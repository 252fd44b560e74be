"""amoCRM, abroad Kommo: its API v4."""
