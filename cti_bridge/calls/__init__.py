"""Live calls: what happened goes in, the new picture of each call comes out; and the journal that keeps them."""
