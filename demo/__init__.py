"""A whole telephone system on one machine, for `make demo` and for the tests.

`demo.asterisk` runs real Asterisks, `demo.lab` talks to one as its administrator, `demo.sip` has
callers and operators' phones. Nothing here is part of the product or installed with it.
"""
