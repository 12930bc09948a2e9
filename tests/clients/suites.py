"""Runs the SDKs' own suites against ``llmcontract serve``, faithful and lenient, and counts what became of each test.

``python tests/clients/suites.py`` does so for those SDKs that are installed here: pip fetches the source of the same
version, which has the suite. It prints a table of every operation, keeps it in ``suites_table.json``, in place of what
that had of the same suite, and writes the sums onto docs/server.md. Without a network it says so, and is done.
``--only together`` takes one SDK.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

import suites_asked

from pytest_llmcontract.core.call.routes import UNKNOWN
from pytest_llmcontract.core.operations import OPERATIONS
from pytest_llmcontract.recordings.providers import operation_of as operation_at
from pytest_llmcontract.serving.paths import home_of, place_of

HERE = Path(__file__).parent
KEPT = HERE / "suites_table.json"
PAGE = HERE.parents[1] / "docs" / "server.md"
BEGIN, END = "<!-- the SDKs' suites: written, not typed -->\n", "<!-- end of the suites -->\n"
MODES = {"faithful": (), "lenient": ("--lenient",)}


ANSWERED, NOT_SIMULATED, LACKING = "answered", "not simulated", "lacking"


@dataclass(frozen=True)
class Suite:
    """One SDK's, against one provider."""

    sdk: str
    provider: str
    base: str


SUITES = (
    Suite("groq", "groq", "/groq"),
    Suite("together", "together", "/together"),
    Suite("openai", "groq", "/groq/openai/v1"),
    Suite("openai", "together", "/together/v1"),
)


@dataclass(frozen=True)
class Case:
    """What became of a test that asked something of the server."""

    file: str
    operation: str
    """The method of the SDK that it calls."""
    kind: str
    outcome: str
    said: str
    """Why it did not pass."""


class Unreachable(Exception):
    """The source of an SDK cannot be had."""


def main() -> int:
    parser = argparse.ArgumentParser(description="the SDKs' own suites against llmcontract serve")
    parser.add_argument("--only", metavar="SDK", choices=sorted({suite.sdk for suite in SUITES}))
    args = parser.parse_args()
    found = list(_found(suite for suite in SUITES if args.only in (None, suite.sdk)))
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else []
    fresh = {key(one) for one in found}
    kept = sorted([*(one for one in kept if key(one) not in fresh), *found], key=key)
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    PAGE.write_text(written(PAGE.read_text("utf-8"), kept), "utf-8")
    return 0


def key(found: Mapping[str, Any]) -> tuple[str, str, str]:
    """What a newer run takes the place of: an SDK's major version against a provider."""
    return found["provider"], found["sdk"], found["version"].partition(".")[0]


# Running


def _found(suites: Iterable[Suite]) -> Iterator[dict[str, Any]]:
    """What became of those that are installed and can be fetched."""
    for suite in suites:
        try:
            found = _ran(suite)
        except PackageNotFoundError:
            continue
        except Unreachable as problem:
            print(f"skipped: {problem}")
            continue
        print(_operations(found), end="\n\n", flush=True)
        yield found


def _ran(suite: Suite) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        source = _source(suite.sdk, version(suite.sdk), Path(folder))
        faithful = list(_cases(suite, source, ("tests/api_resources",)))
        answered = sorted({case.file for case in faithful if case.kind == ANSWERED})
        lenient = [case for case in _cases(suite, source, answered, "--lenient") if case.kind == ANSWERED]
    return {
        "sdk": suite.sdk,
        "version": version(suite.sdk),
        "provider": suite.provider,
        "date": str(datetime.now(UTC).date()),
        **counted({"faithful": faithful, "lenient": lenient}),
    }


def _source(sdk: str, number: str, folder: Path) -> Path:
    wanted = ["--no-deps", "--no-binary", ":all:", "--dest", str(folder), f"{sdk}=={number}"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unreachable(f"pip cannot fetch the source of {sdk} {number}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def _cases(suite: Suite, source: Path, files: Iterable[str], *flags: str) -> Iterator[Case]:
    """The tests of *files* that ask something of a server started with *flags*."""
    results = source / "results.xml"
    options = ["-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:llmcontract", "-p", suites_asked.__name__, "-q"]
    options += ["--tb=native", "--show-capture=no", f"--junitxml={results}"]
    command = [sys.executable, "-m", "pytest", *options, *files]
    with _served(flags) as url:
        environ = {**os.environ, "TEST_API_BASE_URL": url + suite.base, "PYTHONPATH": str(HERE)}
        subprocess.run(command, cwd=source, env=environ, check=False, stdout=subprocess.DEVNULL)
    for case in ElementTree.parse(results).iter("testcase"):
        asked = [each.get("value", "") for each in case.iter("property") if each.get("name") == suites_asked.ASKED]
        if asked and case.find("skipped") is None:
            yield _case(case, kind_of(suite.provider, *asked[0].split()))


def _case(case: ElementTree.Element, kind: str) -> Case:
    module = module_of(case.get("classname", ""))
    said = [problem.get("message", "") for problem in (*case.iter("failure"), *case.iter("error"))]
    operation = operation_of(module, case.get("name", ""))
    return Case(module.replace(".", "/") + ".py", operation, kind, outcome_of(said), " ".join(said))


@contextmanager
def _served(flags: Iterable[str]) -> Iterator[str]:
    options = ["--port", "0", "--unlimited", "--groq", "plan=developer", *flags]
    command = [sys.executable, "-m", "pytest_llmcontract.cli", "serve", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


# Reading


def kind_of(provider: str, method: str, path: str) -> str:
    """What our registry says of an address: the provider's operation is answered, or not simulated, or it has none."""
    operation = operation_at(provider, method, place_of(path, (home_of(provider),)).path)
    return LACKING if operation == UNKNOWN else ANSWERED if operation in OPERATIONS else NOT_SIMULATED


def module_of(classname: str) -> str:
    """``tests.api_resources.test_models.TestModels`` -> ``tests.api_resources.test_models``."""
    return re.sub(r"\.Test\w+$", "", classname)


def operation_of(module: str, name: str) -> str:
    """The method of the SDK that a test calls: ``chat.completions.create``."""
    resource = module.removeprefix("tests.api_resources.").replace("test_", "")
    method = re.sub(r"\[.*|_with_all_params|_overload_\d+", "", name)
    return f"{resource}.{re.sub(r'^test_(method|raw_response|streaming_response|path_params)_', '', method)}"


def outcome_of(problems: Sequence[str]) -> str:
    """``passed``, ``refused`` by the provider, or ``misfit``: anything else."""
    if not problems:
        return "passed"
    return "refused" if all("Error code: 4" in problem for problem in problems) else "misfit"


def counted(cases: Mapping[str, Sequence[Case]]) -> dict[str, Any]:
    """For each mode its tests: one by one the operations that are answered, the others in sum."""
    operations: dict[str, dict[str, Counter[str]]] = {}
    for mode, its in cases.items():
        for case in its:
            if case.kind == ANSWERED:
                operations.setdefault(case.operation, {}).setdefault(mode, Counter())[case.outcome] += 1
    kinds = {kind: [case for case in cases["faithful"] if case.kind == kind] for kind in (NOT_SIMULATED, LACKING)}
    return {
        "operations": dict(sorted(operations.items())),
        "others": {kind: _sum(its) for kind, its in kinds.items() if its},
    }


def _sum(cases: Sequence[Case]) -> dict[str, int]:
    outcomes = Counter(case.outcome for case in cases)
    return {"operations": len({case.operation for case in cases}), **dict(sorted(outcomes.items()))}


# Telling


def _operations(found: Mapping[str, Any]) -> str:
    head = f"{found['sdk']} {found['version']} against {found['provider']}"
    rows = [(name, *(_told(row.get(mode, {})) for mode in MODES)) for name, row in found["operations"].items()]
    return _table((head, *MODES), rows)


def _told(results: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in results.items()) or "none"


def sums(found: Mapping[str, Any], mode: str) -> Counter[str]:
    """What became of all tests of a suite."""
    return sum((Counter(row.get(mode, {})) for row in found["operations"].values()), Counter())


def rendered(kept: Iterable[Mapping[str, Any]]) -> str:
    """The table of docs/server.md."""
    head = ("suite", "against", "day", "operations", "tests", "pass", "refused", "misfit", "pass with `--lenient`")
    return _table(head, [_row(found) for found in kept])


def _row(found: Mapping[str, Any]) -> Iterator[str]:
    faithful, lenient = (sums(found, mode) for mode in MODES)
    yield f"`{found['sdk']}` {found['version']}"
    yield found["provider"]
    yield found["date"]
    yield str(len(found["operations"]))
    yield str(faithful.total())
    yield from (str(faithful[outcome]) for outcome in ("passed", "refused", "misfit"))
    yield f"{lenient['passed']}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(page: str, kept: Iterable[Mapping[str, Any]]) -> str:
    """*page* with the table in place of its own."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + rendered(kept) + "\n\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    raise SystemExit(main())
