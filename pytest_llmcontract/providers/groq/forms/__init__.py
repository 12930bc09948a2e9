"""The shapes of Groq's answers: one module a family of operations."""
