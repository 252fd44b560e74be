"""The promises of the product, each on a real Asterisk with real calls and the real bridge process."""
