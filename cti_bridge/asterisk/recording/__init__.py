"""Recordings: what Asterisk said to the bridge, with numbers and names replaced, as a text that can be replayed."""
