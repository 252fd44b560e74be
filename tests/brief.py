"""How much the tests try: all there is, or as much as `make check` has a minute for.

With `CTI_TESTS_BRIEF=1`, which `make check` sets, the same tests run with fewer examples, places and simulated calls.
"""

import os

BRIEF = os.environ.get("CTI_TESTS_BRIEF") == "1"
