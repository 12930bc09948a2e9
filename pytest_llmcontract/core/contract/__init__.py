"""Is a body what the provider accepts, a reply what it promises? The JSON Schemas, and our words for what is wrong."""
