"""FastAGI: the dialplan asks what to do with a caller, the bridge answers with channel variables."""
