"""Delivery: what the bridge reports about calls, durably, to whoever wants to hear it."""
