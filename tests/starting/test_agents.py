"""The page for coding agents: its tests run, its words exist, and the wheel has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_llmcontract.cli import COMMANDS
from pytest_llmcontract.core.facts.places import find_skill
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.scripting import Scripting
from pytest_llmcontract.simulated_provider import SimulatedProvider

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def skill():
    return find_skill().read_text("utf-8")


def test_its_tests_pass(skill, pytester, run_pytest):
    (code,) = re.findall(r"```python\n(.*?)```", skill, re.DOTALL)
    pytester.makepyfile(code)
    pytester.makeini("[pytest]")
    result = run_pytest()
    result.assert_outcomes(passed=code.count("def test_"))


def test_every_command_and_member_that_it_names_is_there(skill):
    commands = {command.__name__.rpartition(".")[2] for command in COMMANDS}
    assert set(re.findall(r"llmcontract ([a-z]+)", skill)) <= commands
    assert all(
        hasattr(Scripting, name) or hasattr(SimulatedProvider, name) for name in re.findall(r"`api\.(\w+)", skill)
    )
    assert all(f"{name}_api" in skill for name in provider_names())


def test_the_command_prints_it(skill, run_command):
    assert run_command("explain agents") == (0, skill, "")


def test_it_begins_as_skills_do(skill):
    assert re.match(r"---\nname: [a-z-]+\ndescription: \S.{40,1000}\n---\n", skill)


def test_what_llms_txt_links_is_there():
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "docs" / "llms.txt").read_text("utf-8"))
    assert len(links) > 15
    assert [link for link in links if not (ROOT / "docs" / link).is_file()] == []
