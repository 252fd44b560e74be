"""What only a real Asterisk can prove about the dialplan and the instances."""
