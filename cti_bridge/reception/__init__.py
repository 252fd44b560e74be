"""Where the capabilities meet: a caller is looked up, decided about and followed, and operators are told."""
