"""LangChain's own tests of a chat model, all that it has for any, on top of the fixtures and without a script."""

from __future__ import annotations

import importlib.util

import pytest

standard = pytest.importorskip("langchain_tests.integration_tests")

MODEL = "openai/gpt-oss-120b"
# What langchain-core, its tests and the SDKs warn of.
pytestmark = pytest.mark.filterwarnings("ignore")


class Standard(standard.ChatModelIntegrationTests):
    __test__ = False
    module, name = "", ""
    settings: dict[str, str] = {}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def api(self, request):
        return request.getfixturevalue(self.fixture)

    @property
    def chat_model_class(self):
        return getattr(pytest.importorskip(self.module), self.name)

    @property
    def chat_model_params(self):
        return {"model": MODEL, **self.settings}


def installed(module):
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


@installed("langchain_groq")
class TestChatGroq(Standard):
    __test__ = True
    module, name, fixture = "langchain_groq", "ChatGroq", "groq_api"


@installed("langchain_together")
class TestChatTogether(Standard):
    __test__ = True
    module, name, fixture = "langchain_together", "ChatTogether", "together_api"


@installed("langchain_openai")
class TestChatOpenAI(Standard):
    __test__ = True
    module, name, fixture = "langchain_openai", "ChatOpenAI", "together_api"  # Groq takes no name of a message
    settings = {"base_url": "https://api.together.xyz/v1", "api_key": "any"}  # noqa: RUF012
