"""The environment variables that clients read a provider's key from, and the dummy that stands in for one."""

from __future__ import annotations

KEYS: dict[str, tuple[str, ...]] = {
    "groq": ("GROQ_API_KEY",),
    # together's SDK, litellm's two spellings
    "together": ("TOGETHER_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY"),
}

DUMMY_KEY = "llmcontract-dummy-key"
"""Valid for the simulation and nowhere else."""


def key_names(provider: str) -> tuple[str, ...]:
    """The variables of *provider*, the usual one first."""
    return KEYS.get(provider, (f"{provider.upper()}_API_KEY",))
