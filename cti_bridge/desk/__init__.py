"""What operators do: their state, the call in hand, the customer, what is left to do."""
