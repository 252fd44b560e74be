"""How fast it is: figures beside a peer or a limit of the same run, with the machine they come from. See README.md."""
