"""From the text of a rule file to the decision about a call. Pure: no I/O, no clock, no asyncio."""
