"""The battery: what a provider may do to a client, what a good one does then, and what none must ever do."""
