"""How a client treats the provider: attempts that belong together, who made each, and what it should not have done."""
