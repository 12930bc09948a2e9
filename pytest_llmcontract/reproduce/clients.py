"""The client through which a written test calls: the one that the paste names, as its application does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.facts.registry import key_names
from pytest_llmcontract.reproduce.scenario import Scenario, url_of
from pytest_llmcontract.reproduce.signs import signs_of

_ARGUMENTS = frozenset(
    [
        "model",
        "messages",
        "max_tokens",
        "temperature",
        "top_p",
        "stop",
        "tools",
        "tool_choice",
        "response_format",
        "n",
        "seed",
        "stream",
    ]
)
"""What ``chat.completions.create`` of every SDK takes by name."""
_CHAT = "/chat/completions"


@dataclass(frozen=True)
class Client:
    """A Python client."""

    module: str
    maker: str = ""
    """What makes it, ``groq.Groq()``."""
    plain: bool = False
    """It is no provider's own: it is told address and key."""

    @property
    def reads_key(self) -> bool:
        """Whether the test has to hand it a key."""
        return self.plain or not self.maker

    @property
    def broken(self) -> str:
        """What it raises for a call without a reply; empty for httpx, whose exceptions differ."""
        return f"{self.module}.APIConnectionError" if self.maker else ""

    def made(self, scenario: Scenario) -> str:
        """Code that makes one which gives up at the first error."""
        if not self.plain:
            return self.maker.replace("()", "(max_retries=0)")
        base, key = url_of(scenario).removesuffix(_CHAT), key_names(scenario.provider)[0]
        return (
            f'{self.module}.OpenAI(\n        base_url="{base}",\n        api_key=os.environ["{key}"],\n'
            "        max_retries=0,\n    )"
        )

    def divided(self, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The fields that it takes by name, and the others."""
        known = {name: value for name, value in body.items() if name in _ARGUMENTS}
        return known, {name: value for name, value in body.items() if name not in known}


BY_HTTP = Client("httpx")
_OPENAI = Client("openai", "openai.OpenAI()", plain=True)


def sdk_of(provider: str) -> str:
    """What makes a client of the provider's own SDK; empty if it has none."""
    return next(iter(signs_of(provider).clients.values()), "")


def client_named(text: str, scenario: Scenario) -> Client:
    """The client that *text* names, where the call of *scenario* can be made by it; else plain HTTP."""
    request = scenario.request
    if request.operation != "chat.completions" or not request.key or request.path or request.method != "POST":
        return BY_HTTP
    if not {"model", "messages"} <= request.body.keys():
        return BY_HTTP
    own = [Client(module, maker) for module, maker in signs_of(scenario.provider).clients.items()]
    return next((client for client in (*own, _OPENAI) if _names(text, client.module)), BY_HTTP)


def _names(text: str, module: str) -> bool:
    """Whether a traceback, an exception or an import of that package is in *text*."""
    raised = rf"\b{module}(?:\.error|\._exceptions)?\.[A-Z]\w*(?:Error|Exception)\b"
    imported = rf"[/\\]{module}[/\\]\w+\.py|\b(?:import|from) {module}\b|langchain_{module}"
    return re.search(f"{raised}|{imported}", text) is not None
