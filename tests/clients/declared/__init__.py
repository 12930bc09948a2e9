"""The clients of the matrix, each a few lines: how it is made and used, and what of the matrix it does not do."""

from __future__ import annotations

from declared import agents, frameworks, libraries, sdks
from declared.client import Client

CLIENTS: list[Client] = [
    sdks.Groq("groq"),
    sdks.GroqWithTenacity("groq"),
    sdks.Together3("together"),
    sdks.Together2("together"),
    *(row(provider) for row in (sdks.OpenAI3, sdks.OpenAI2) for provider in ("groq", "together")),
    *(row(provider) for row in libraries.ROWS for provider in ("groq", "together")),
    *frameworks.CLIENTS,
    *agents.CLIENTS,
]
