"""ARI: the dialplan hands a call to our Stasis application, which sets the variables and hands it back."""
