"""CRMs that are not the real ones: small servers on loopback, as strict as the vendors' documents say."""
