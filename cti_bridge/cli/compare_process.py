"""A process that compares calls: versions of the rules, then parts of calls on its input, and tallies on its output.

Both ends are ours and nobody else can write to the pipes between them, so what goes through is pickled.
"""

import pickle
import sys
from contextlib import suppress
from dataclasses import dataclass

from cti_bridge.routing.load import load_rules
from cti_bridge.routing.replay import Comparer, without_rules


@dataclass(frozen=True, slots=True)
class Versions:
    """The texts of two rule files, both known to be good; without a first one it is the world without rules.

    `most` calls are remembered behind each number, None for all.
    """

    before: str | None
    after: str
    most: int | None

    def comparer(self) -> Comparer:
        """What compares calls under them."""
        after = load_rules(self.after)
        return Comparer(without_rules(after) if self.before is None else load_rules(self.before), after, self.most)


def main() -> None:
    """Compare until the input ends, which it also does when whoever writes it is killed."""
    asked, told = sys.stdin.buffer, sys.stdout.buffer
    with suppress(EOFError, pickle.UnpicklingError, BrokenPipeError):
        compare = pickle.load(asked).comparer()  # noqa: S301 - from our own process
        while True:
            pickle.dump(compare(pickle.load(asked)), told)  # noqa: S301
            told.flush()


if __name__ == "__main__":
    main()
