"""Asterisk's doors: AMI, FastAGI and ARI. Their words become ours here and get no further."""
