"""How much a plan or tier may ask: one bucket's arithmetic, and who decides over all of them."""
