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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

HERE = Path(__file__).parent
KEPT = HERE / "suites_table.json"
PAGE = HERE.parents[1] / "docs" / "server.md"
BEGIN, END = "<!-- the SDKs' suites: written, not typed -->\n", "<!-- end of the suites -->\n"
MODES = {"faithful": (), "lenient": ("--lenient",)}
SOUND = ("audio.speech.*", "audio.transcriptions.*", "audio.translations.*")


@dataclass(frozen=True)
class Suite:
    """One SDK's, against one provider."""

    sdk: str
    provider: str
    base: str
    only: tuple[str, ...] = ("*",)
    """Patterns of operations that the provider has in that SDK's form."""
    left_out: tuple[str, ...] = ()
    """Patterns of operations that this project does not simulate."""

    def counts(self, operation: str) -> bool:
        return _fits(operation, self.only) and not _fits(operation, self.left_out)


NOT_SIMULATED = ("clusters.*", "jig.*", "post_training.*")
SUITES = (
    Suite("groq", "groq", "/groq"),
    Suite("together", "together", "/together", left_out=(*NOT_SIMULATED, "beta.clusters.*", "beta.jig.*")),
    Suite(
        "openai",
        "groq",
        "/groq/openai/v1",
        ("chat.completions.create", "responses.create", "embeddings.*", "models.*", "files.*", "batches.*", *SOUND),
    ),
    Suite(
        "openai",
        "together",
        "/together/v1",
        ("chat.completions.create", "completions.create", "embeddings.*", "images.generate", *SOUND),
    ),
)


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
        operations: dict[str, dict[str, dict[str, int]]] = {}
        for mode, flags in MODES.items():
            for operation, results in _counted(suite, source, flags).items():
                operations.setdefault(operation, {})[mode] = dict(sorted(results.items()))
    return {
        "sdk": suite.sdk,
        "version": version(suite.sdk),
        "provider": suite.provider,
        "date": str(datetime.now(UTC).date()),
        "operations": dict(sorted(operations.items())),
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


def _counted(suite: Suite, source: Path, flags: Iterable[str]) -> dict[str, Counter[str]]:
    """For each operation that counts, how many tests passed, were refused, or misfit."""
    results = source / "results.xml"
    options = ["-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:llmcontract", "-q", "--tb=short"]
    left_out = [f"--ignore={path}" for path in _paths(source) if not _may_count(suite, source, path)]
    options += ["--show-capture=no", f"--junitxml={results}"]
    command = [sys.executable, "-m", "pytest", *options, *left_out, "tests/api_resources"]
    with _served(flags) as url:
        environ = {**os.environ, "TEST_API_BASE_URL": url + suite.base}
        subprocess.run(command, cwd=source, env=environ, check=False, stdout=subprocess.DEVNULL)
    found: dict[str, Counter[str]] = {}
    for case in ElementTree.parse(results).iter("testcase"):
        operation, outcome = operation_of(case.get("classname", ""), case.get("name", "")), _outcome(case)
        if suite.counts(operation) and outcome != "skipped":
            found.setdefault(operation, Counter())[outcome] += 1
    return found


def _paths(source: Path) -> Iterator[Path]:
    return (source / "tests" / "api_resources").rglob("test_*.py")


def _may_count(suite: Suite, source: Path, path: Path) -> bool:
    """Whether a file of tests may have an operation that counts."""
    resource = resource_of(".".join(path.relative_to(source).with_suffix("").parts))
    wanted = {pattern.rpartition(".")[0] for pattern in suite.only}
    return not wanted.isdisjoint({"", resource}) and not _fits(f"{resource}.", suite.left_out)


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


def resource_of(module: str) -> str:
    """``tests.api_resources.chat.test_completions`` -> ``chat.completions``."""
    return module.removeprefix("tests.api_resources.").replace("test_", "")


def operation_of(classname: str, name: str) -> str:
    """The method of the SDK that a test calls: ``chat.completions.create``."""
    method = re.sub(r"\[.*|_with_all_params|_overload_\d+", "", name)
    method = re.sub(r"^test_(method|raw_response|streaming_response|path_params)_", "", method)
    return f"{resource_of(classname.rpartition('.')[0])}.{method}"


def _outcome(case: ElementTree.Element) -> str:
    """``passed``, ``skipped``, ``refused`` by the provider, or ``misfit``: anything else."""
    if case.find("skipped") is not None:
        return "skipped"
    problems = [*case.iter("failure"), *case.iter("error")]
    if not problems:
        return "passed"
    return "refused" if all("Error code: 4" in problem.get("message", "") for problem in problems) else "misfit"


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


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
