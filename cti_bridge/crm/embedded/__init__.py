"""The CRM that comes with the bridge: customers, deals and notes in one SQLite file, filled from CSV."""
