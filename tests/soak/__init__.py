"""Long runs on a real Asterisk: only with `make soak`."""
