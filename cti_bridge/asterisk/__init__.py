"""Asterisk's doors: AMI and FastAGI. Their words become ours here and get no further."""
