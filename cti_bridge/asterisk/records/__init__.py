"""What Asterisk itself writes down of calls, in files: read again when the bridge was not listening."""
