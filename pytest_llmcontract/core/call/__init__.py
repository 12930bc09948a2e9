"""The path of one call, from the request to the ledger."""
