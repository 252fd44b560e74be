"""What the bridge asks of every CRM, as stories, and each CRM's own place to tell them in."""

import pytest

pytest.register_assert_rewrite("contract.suite")
