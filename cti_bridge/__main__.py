"""`python -m cti_bridge` is the `cti-bridge` command."""

import sys

from cti_bridge.cli.main import main

sys.exit(main())
