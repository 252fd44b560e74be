"""Tryton, 8 and 7: JSON-RPC with a login token, parties with opportunities and sales, calls as attachments."""
