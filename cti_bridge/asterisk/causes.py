"""What the hang-up causes that Asterisk gives to a channel mean to us (Q.850 numbers, as text)."""

TECHNICAL = frozenset(("34", "38", "41", "42", "44", "47", "58", "88", "102", "111"))
"""A caller's channel ended though nobody wanted it to: no circuit, network out of order, temporary failure, congestion,
incompatible or missing resources, a timer or the protocol."""
REFUSALS = frozenset(("17", "21"))
"""A phone would not have the call: busy (SIP 486, 600), rejected (603). The queue says of a refusal what it says of a
ring time-out, and only this tells them apart."""
