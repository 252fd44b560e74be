"""The whole core in virtual time, with a seed: a model of an Asterisk, a line that fails, the promises as checks."""
