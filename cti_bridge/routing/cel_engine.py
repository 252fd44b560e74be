"""The CEL library without its command line, which `import cel` would load as well: a seventh of every start of ours."""

import sys
from types import ModuleType

__all__ = ["cel"]

_COMMAND_LINE = "cel.cli"
_ABSENT = ModuleType(_COMMAND_LINE)
_kept = sys.modules.setdefault(_COMMAND_LINE, _ABSENT)
try:
    import cel
except (ImportError, AttributeError):
    if _kept is not _ABSENT:
        raise
    del sys.modules[_COMMAND_LINE]  # to another version of the library, it matters what is in there
    import cel
finally:
    if sys.modules.get(_COMMAND_LINE) is _ABSENT:  # whoever wants it can still import it
        del sys.modules[_COMMAND_LINE]
