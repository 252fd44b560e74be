"""What the words mean: caller number, customer, deal, call, decision, operator. Pure; no I/O, no clock."""
