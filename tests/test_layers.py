"""The layers of the package: which of our modules and which third parties each may import."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import pytest_llmcontract

PACKAGE = Path(pytest_llmcontract.__file__).parent

# layer: (our layers, third parties). A new module at the top level needs a line; one in a folder inherits its folder's.
MAY_IMPORT: dict[str, tuple[set[str], set[str]]] = {
    "core": (set(), {"jsonschema", "jsonschema_rs", "pydantic", "referencing"}),
    "providers": ({"core"}, {"pydantic"}),
    "adapters": ({"core"}, {"aiohttp", "httpx", "httpx2", "respx", "time_machine", "trio", "vcr"}),
    "recordings": ({"core"}, {"cramjam", "filelock", "pydantic", "vcr", "yaml"}),
    "report": ({"core"}, {"bokeh", "pydantic"}),
    "process": ({"core"}, set()),
    "scripting": ({"core"}, set()),
    "simulated_provider": ({"core", "scripting"}, set()),
    "contracting": ({"core", "recordings", "process"}, set()),
    "simulation": ({"core", "adapters", "recordings", "report", "contracting", "process", "simulated_provider"}, set()),
    "calibrate": ({"core", "recordings"}, set()),
    "reproduce": ({"core", "providers", "scripting"}, set()),
    "options": ({"core"}, {"pytest"}),
    "verdict": ({"core", "report", "process", "simulated_provider", "simulation", "options"}, {"pytest"}),
    "plugin": (
        {
            "core",
            "adapters",
            "recordings",
            "report",
            "process",
            "contracting",
            "simulated_provider",
            "simulation",
            "options",
            "verdict",
        },
        {"pytest"},
    ),
    "demo": (set(), {"app", "groq", "openai", "pytest", "together"}),
    "commands": ({"core", "recordings", "report", "reproduce", "simulation"}, set()),
    "cli": ({"commands", "core"}, set()),
    "__main__": ({"cli"}, set()),
    "__init__": ({"calibrate", "core", "recordings", "simulated_provider", "simulation"}, set()),
}


def imports_of(path: Path) -> set[str]:
    """Every dotted name that the file imports, imports inside functions included."""
    here = [PACKAGE.name, *path.relative_to(PACKAGE).parent.parts]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            stem = ".".join([*base, node.module] if node.module else base)
            names |= {f"{stem}.{alias.name}" for alias in node.names}
    return names


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_layers(path):
    layer = layer_of(path)
    ours, third_parties = MAY_IMPORT[layer]
    allowed = {f"{PACKAGE.name}.{name}" for name in ours | {layer}}
    stray = {
        name
        for name in imports_of(path)
        if ".".join(name.split(".")[:2]) not in allowed
        and name != f"{PACKAGE.name}.__version__"
        and name.split(".")[0] not in sys.stdlib_module_names | third_parties
    }

    assert stray == set()


SHARED = {"adapters": {"interception"}, "providers": {"plain"}}
"""What all members of a family may know."""


@pytest.mark.parametrize("family", SHARED)
def test_no_member_of_a_family_knows_another(family):
    folder = PACKAGE / family
    members = {path.relative_to(folder).parts[0].removesuffix(".py") for path in folder.rglob("*.py")}
    members -= {"__init__", *SHARED[family]}
    stray = {
        (str(path.relative_to(PACKAGE)), name)
        for path in folder.rglob("*.py")
        for name in imports_of(path)
        for member in members - {path.relative_to(folder).parts[0].removesuffix(".py")}
        if name.startswith(f"{PACKAGE.name}.{family}.{member}")
    }

    assert stray == set()


def test_the_check_itself_sees_a_stray_import(tmp_path, monkeypatch):
    """Relative, absolute and inside a function."""
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    (tmp_path / "core").mkdir()
    file = tmp_path / "core" / "stray.py"
    file.write_text("from ..adapters import time\nimport httpx\ndef f():\n    from respx.mocks import Mocker\n")

    assert imports_of(file) == {f"{tmp_path.name}.adapters.time", "httpx", "respx.mocks.Mocker"}
