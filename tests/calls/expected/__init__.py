"""What the recorded stories should come to, one file for each subject, as they are recorded."""

from expected import desk, direct, features, pickups, queues, steps, transfers, waiting

EXPECTED = {
    **queues.EXPECTED,
    **steps.EXPECTED,
    **direct.EXPECTED,
    **pickups.EXPECTED,
    **transfers.EXPECTED,
    **features.EXPECTED,
    **waiting.EXPECTED,
    **desk.EXPECTED,
}
"""For each story its calls, in the order in which they came up."""
