"""The fixtures of the promises, for long runs: the same Asterisk, the same bridge, the same people."""

from promises.conftest import asterisk, prepared, shared_asterisk, staff

__all__ = ["asterisk", "prepared", "shared_asterisk", "staff"]
