"""The manager interface: one supervised connection, and the translation of its events into ours."""
