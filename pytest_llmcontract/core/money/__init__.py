"""Accounts, and every cent that moves on them."""
