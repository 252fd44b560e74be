"""The operator's page in a real Chromium, served by the real bridge, with calls on a real Asterisk."""
