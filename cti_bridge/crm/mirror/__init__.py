"""The mirror: people, numbers and deals of a slow CRM, kept nearby so that no caller waits for it."""
