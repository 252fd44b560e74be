"""cti-bridge: Asterisk and a CRM as one; every caller reaches the right queue, every operator the right card."""

__version__ = "0.1.0"
