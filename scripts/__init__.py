"""What the Makefile calls: preparing the machine, running apart from it, running the tests. Standard library only."""
