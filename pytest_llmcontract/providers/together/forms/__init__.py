"""The shapes of Together's answers: one module a family of operations."""
