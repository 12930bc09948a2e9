"""What users import and what pytest loads: the public names, and how little the plugin brings along."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pytest_llmcontract


def test_every_public_name_is_there_and_listed():
    for name in pytest_llmcontract.__all__:
        assert getattr(pytest_llmcontract, name) is not None
        assert name in dir(pytest_llmcontract)

    assert sorted(pytest_llmcontract.__all__) == pytest_llmcontract.__all__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        _ = pytest_llmcontract.simulat


def test_simulate_is_the_function_whoever_imported_first():
    code = (
        "import pytest_llmcontract.simulation, pytest_llmcontract.simulated_provider\n"
        "from pytest_llmcontract import simulate\nassert callable(simulate)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_plugin_loads_only_the_standard_library_and_pytest():
    """Everybody who installs us pays for this at each start of pytest."""
    code = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import pytest_llmcontract.plugin\n"
        "tops = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "stray = tops - sys.stdlib_module_names - {'pytest_llmcontract'}\n"
        "assert not stray, stray\n"
        "assert 'asyncio' not in set(sys.modules) - before\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_is_typed():
    from importlib.resources import files

    assert (files("pytest_llmcontract") / "py.typed").is_file()


def test_schemas_and_facts_are_found_however_it_is_installed():
    from pytest_llmcontract.core.facts.load import load_edition
    from pytest_llmcontract.core.facts.places import find_schemas

    assert list(find_schemas().glob("*/*.json"))
    assert load_edition("groq").models
    assert load_edition("together").models
