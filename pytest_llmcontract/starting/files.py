"""The files that ``llmcontract init`` writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_llmcontract.starting.project import Project

_SDK = {"groq": "groq.Groq()", "together": "together.Together()"}
_BY_OPENAI = {
    "groq": 'openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key=os.environ["GROQ_API_KEY"])',
    "together": 'openai.OpenAI(base_url="https://api.together.xyz/v1", api_key=os.environ["TOGETHER_API_KEY"])',
}
_ERROR = {"groq": "rate_limit_exceeded", "together": "rate_limit"}


def files_for(project: Project) -> Iterator[tuple[Path, str]]:
    """Each file, with what is to be in it."""
    yield project.tests / "conftest.py", _conftest(project)
    yield project.tests / "test_llm.py", _tests(project)
    yield project.folder / ".github" / "workflows" / "llm.yml", _WORKFLOW
    yield project.folder / ".pre-commit-config.yaml", _HOOKS


def _conftest(project: Project) -> str:
    fixtures = ", ".join(f"{provider}_api" for provider in project.providers)
    return f'''"""Every test runs against the simulated provider: no key, no network, no cost."""

import pytest


@pytest.fixture(autouse=True)
def simulated({fixtures}):
    """Calls that no test scripts are answered too, as the provider would; what it would refuse fails the test."""
'''


def _tests(project: Project) -> str:
    provider = project.providers[0]
    by_openai = provider not in project.clients and "openai" in project.clients
    imports = "import os\n\nimport openai" if by_openai else f"import {provider}"
    client = (_BY_OPENAI if by_openai else _SDK)[provider]
    return f'''"""First tests of what becomes of answers. `ask` stands for a call of your own: replace it."""

{imports}


def ask(text):
    messages = [{{"role": "user", "content": text}}]
    client = {client}
    answer = client.chat.completions.create(model="{project.models[provider]}", messages=messages)
    return answer.choices[0].message.content


def test_an_answer_is_used({provider}_api):
    {provider}_api.reply("Hello.")
    assert ask("Hi") == "Hello."


def test_a_rate_limit_is_waited_for({provider}_api, llm_clock):
    {provider}_api.fail("{_ERROR[provider]}", retry_after=7)
    {provider}_api.reply("Later.")
    assert ask("Hi") == "Later."
    assert llm_clock.slept >= 7  # in virtual time


def test_what_it_costs({provider}_api):
    {provider}_api.reply("Hello.", usage={{"prompt_tokens": 400, "completion_tokens": 50}})
    ask("Hi")
    assert {provider}_api.calls.cost < 0.01  # dollars
'''


_WORKFLOW = """name: llm

on:
  push:
    branches: [main]
  pull_request:

permissions:
  contents: read

jobs:
  llm:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      - name: Install
        run: |
          if [ -f requirements.txt ]; then pip install -r requirements.txt; else pip install .; fi
          pip install pytest pytest-llmcontract
      - name: Find retired models and refused fields
        run: llmcontract scan --format github
      - name: Test
        run: pytest
"""

_HOOKS = """repos:
  - repo: local
    hooks:
      - id: llmcontract-scan
        name: llmcontract scan
        entry: llmcontract scan
        language: system
        types: [text]
"""
