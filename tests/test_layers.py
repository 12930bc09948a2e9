"""The layers of the package: which of our modules and which third parties each may import; and that none go in circles.

Imports inside functions, those for types alone and calls of ``import_module`` count like all others.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

import pytest_llmcontract

PACKAGE = Path(pytest_llmcontract.__file__).parent

# layer: (our layers, third parties). A new module at the top level needs a line; one in a folder inherits its folder's.
MAY_IMPORT: dict[str, tuple[set[str], set[str]]] = {
    "core": (set(), {"jsonschema", "jsonschema_rs", "pydantic", "referencing", "tinytag"}),
    "providers": ({"core"}, {"pydantic"}),
    "adapters": ({"core"}, {"aiohttp", "httpx", "httpx2", "respx", "time_machine", "trio", "trustme", "urllib3"}),
    "recordings": ({"core"}, {"cramjam", "filelock", "pydantic", "vcr", "yaml"}),
    "report": ({"core"}, {"bokeh", "pydantic"}),
    "process": ({"core"}, set()),
    "scripting": ({"core"}, set()),
    "simulated_provider": ({"core", "scripting"}, set()),
    "contracting": ({"core", "recordings", "process"}, set()),
    "collecting": (set(), {"pytest"}),
    "children": ({"core"}, set()),
    "battery": ({"core", "options", "serving", "simulated_provider", "verdict"}, {"pytest"}),
    "simulation": (
        {
            "adapters",
            "children",
            "contracting",
            "core",
            "process",
            "recordings",
            "report",
            "serving",
            "simulated_provider",
        },
        set(),
    ),
    "calibrate": ({"core", "recordings"}, set()),
    "reproduce": ({"core", "providers", "scripting"}, set()),
    "strategies": ({"core", "scripting"}, {"hypothesis"}),
    "scan": ({"core"}, set()),
    "serving": ({"__init__", "core", "report", "simulated_provider"}, {"uvicorn", "yaml"}),
    "starting": ({"core", "scan"}, set()),
    "options": ({"core"}, {"pytest"}),
    "failure": ({"core"}, {"_pytest", "pytest"}),
    "outside": ({"core", "options", "report", "simulation"}, {"pytest"}),
    "verdict": ({"core", "report", "process", "simulated_provider", "simulation", "options", "failure"}, {"pytest"}),
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
            "outside",
            "failure",
            "verdict",
        },
        {"pytest"},
    ),
    "demo": (set(), {"app", "groq", "openai", "pytest", "together"}),
    "commands": (
        {"battery", "core", "recordings", "report", "reproduce", "scan", "serving", "simulation", "starting"},
        set(),
    ),
    "cli": ({"commands", "core"}, set()),
    "__main__": ({"cli"}, set()),
    "loading": (set(), set()),
    "__init__": ({"battery", "calibrate", "core", "loading", "recordings", "simulated_provider", "simulation"}, set()),
}


IMPORTED_BY_NAME = {
    "__init__.py": "the public names, each from its home",
    "adapters/respx/patching.py": "the libraries that adapters/respx/libraries.py lists",
}
"""Where a name that is no literal is imported, and what it may be."""

STRAY: set[tuple[str, str]] = set()
"""Imports against the layers that still stand. It only gets shorter."""

CIRCLES: list[set[str]] = []
"""Modules that import each other, directly or not, and still stand. It only gets shorter."""

UNKNOWN = "?"
"""The name of what is imported by a name that is no literal."""


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def shown(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports_of(path: Path) -> set[str]:
    """Every dotted name that the file imports, wherever it does."""
    return {name for node in ast.walk(ast.parse(path.read_text("utf-8"))) for name in names_in(node, path)}


def names_in(node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        here = [PACKAGE.name, *path.relative_to(PACKAGE).parent.parts]
        base = here[: len(here) - node.level + 1] if node.level else []
        stem = ".".join([*base, node.module] if node.module else base)
        yield from (f"{stem}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
        yield literal(node.args[0])


def literal(argument: ast.expr) -> str:
    """What *argument* is, or is known to begin with."""
    if isinstance(argument, ast.JoinedStr):
        argument = argument.values[0]
    known = argument.value if isinstance(argument, ast.Constant) else ""
    return str(known).rstrip(".") or UNKNOWN


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def stray_imports(path: Path) -> set[str]:
    """What the file imports and its layer may not."""
    layer = layer_of(path)
    ours, third_parties = MAY_IMPORT[layer]
    allowed = {f"{PACKAGE.name}.{name}" for name in ours | {layer}}
    return {
        name
        for name in imports_of(path)
        if ".".join(name.split(".")[:2]) not in allowed
        and name != f"{PACKAGE.name}.__version__"
        and not (name == UNKNOWN and shown(path) in IMPORTED_BY_NAME)
        and name.split(".")[0] not in sys.stdlib_module_names | third_parties
    }


def test_imports_follow_the_layers():
    assert {(shown(path), name) for path in files() for name in stray_imports(path)} == STRAY


def test_what_is_imported_by_name_is_still_there():
    assert [file for file in IMPORTED_BY_NAME if UNKNOWN not in imports_of(PACKAGE / file)] == []


SHARED = {"adapters": {"interception", "patches"}, "providers": {"plain"}}
"""What all members of a family may know."""


@pytest.mark.parametrize("family", SHARED)
def test_no_member_of_a_family_knows_another(family):
    folder = PACKAGE / family
    members = {path.relative_to(folder).parts[0].removesuffix(".py") for path in folder.rglob("*.py")}
    members -= {"__init__", *SHARED[family]}
    stray = {
        (shown(path), name)
        for path in folder.rglob("*.py")
        for name in imports_of(path)
        for member in members - {path.relative_to(folder).parts[0].removesuffix(".py")}
        if name.startswith(f"{PACKAGE.name}.{family}.{member}")
    }

    assert stray == set()


# Circles.


def graph() -> dict[str, set[str]]:
    """Module -> the modules of ours that it imports; without the package's name, which alone is its front door."""
    modules = {module_of(path): path for path in files()}
    return {
        module: {homes for name in imports_of(path) if (homes := home(name, modules)) and homes != module}
        for module, path in modules.items()
    }


def module_of(path: Path) -> str:
    parts = [PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def home(name: str, modules: Iterable[str]) -> str | None:
    """The module in which *name* is, if it is one of ours; the version is of no module."""
    if name == f"{PACKAGE.name}.__version__":
        return None
    parts = name.split(".")
    return next((stem for end in range(len(parts), 0, -1) if (stem := ".".join(parts[:end])) in modules), None)


def circles(imports: Mapping[str, set[str]]) -> list[set[str]]:
    """The largest sets of modules of which each reaches each other."""
    reached = {module: reachable(module, imports) for module in imports}
    found: list[set[str]] = []
    for module in sorted(imports):
        if module in reached[module] and not any(module in circle for circle in found):
            found.append({other for other in reached[module] if module in reached[other]})
    return found


def reachable(module: str, imports: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [*imports[module]]
    while waiting:
        if (step := waiting.pop()) not in found:
            found.add(step)
            waiting += imports[step]
    return found


def test_modules_do_not_import_each_other_in_circles():
    found = [{name.removeprefix(f"{PACKAGE.name}.") for name in circle} for circle in circles(graph())]

    assert [sorted(circle) for circle in found if circle not in CIRCLES] == [], "new, or another than before"
    assert [sorted(circle) for circle in CIRCLES if circle not in found] == [], (
        "no circle any more: take it off the list"
    )


def test_the_check_itself_sees_circles():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"a"}}) == [{"b", "c"}]


def test_the_check_itself_sees_a_stray_import(tmp_path, monkeypatch):
    """Relative, absolute, inside a function, and by name."""
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    (tmp_path / "core").mkdir()
    file = tmp_path / "core" / "stray.py"
    file.write_text(
        "from ..adapters import time\nimport httpx\ndef f():\n    from respx.mocks import Mocker\n"
        "    importlib.import_module('vcr.cassette')\n    import_module(f'ours.providers.{name}')\n"
        "    import_module(name)\n"
    )

    assert imports_of(file) == {
        f"{tmp_path.name}.adapters.time",
        "httpx",
        "respx.mocks.Mocker",
        "vcr.cassette",
        "ours.providers",
        UNKNOWN,
    }
