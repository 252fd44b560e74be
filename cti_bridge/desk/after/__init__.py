"""What comes after a call: what operators write down, and what is left to do."""
