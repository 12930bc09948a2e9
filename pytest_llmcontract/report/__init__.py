"""Renderers: findings and ledgers as text for people and tools."""
