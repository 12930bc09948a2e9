"""Runs the SDKs' own suites against ``llmcontract serve``, faithful and lenient, and counts what became of each test.

``python tests/clients/suites.py`` does so for those SDKs that are installed here: pip fetches the source of the same
version, which has the suite. It prints a table of every operation, keeps it in ``suites_table.json``, in place of what
that had of the same suite, and writes the sums onto docs/server.md. Without a network it says so, and is done.
``--only together`` takes one SDK.
"""

from __future__ import annotations

import argparse
import ast
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
from suites_asked import ANSWERED, KIND, LACKING, NOT_SIMULATED, PROVIDER

HERE = Path(__file__).parent
KEPT = HERE / "suites_table.json"
PAGE = HERE.parents[1] / "docs" / "server.md"
BEGIN, END = "<!-- the SDKs' suites: written, not typed -->\n", "<!-- end of the suites -->\n"
MODES = {"faithful": (), "lenient": ("--lenient",)}
OTHERS = {NOT_SIMULATED: "not simulated", LACKING: "not the provider's"}
"""What is not asked, as the page says it."""


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
    """What became of a test that asks something of the provider."""

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
        print(_operations(found), _reasons(found), sep="\n\n", end="\n\n", flush=True)
        yield found


def _ran(suite: Suite) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        source = _source(suite.sdk, version(suite.sdk), Path(folder))
        cases = {mode: list(_cases(suite, source, flags)) for mode, flags in MODES.items()}
    return {
        "sdk": suite.sdk,
        "version": version(suite.sdk),
        "provider": suite.provider,
        "date": str(datetime.now(UTC).date()),
        **counted(cases),
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


def _cases(suite: Suite, source: Path, flags: Iterable[str]) -> Iterator[Case]:
    """The tests that ask something, of a server that was started with *flags*."""
    results = source / "results.xml"
    options = ["-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:llmcontract", "-p", suites_asked.__name__, "-q"]
    options += ["--tb=native", "--no-summary", f"--junitxml={results}"]
    command = [sys.executable, "-m", "pytest", *options, "tests/api_resources"]
    with _served(flags) as url:
        ours = {"TEST_API_BASE_URL": url + suite.base, PROVIDER: suite.provider, "PYTHONPATH": str(HERE)}
        subprocess.run(command, cwd=source, env=os.environ | ours, check=False, stdout=subprocess.DEVNULL)
    for case in ElementTree.parse(results).iter("testcase"):
        kinds = [each.get("value", "") for each in case.iter("property") if each.get("name") == KIND]
        if kinds and (kinds[0] != ANSWERED or case.find("skipped") is None):
            yield _case(case, kinds[0])


def _case(case: ElementTree.Element, kind: str) -> Case:
    problems = [problem.get("message", "") for problem in (*case.iter("failure"), *case.iter("error"))]
    operation = operation_of(case.get("classname", ""), case.get("name", ""))
    return Case(operation, kind, outcome_of(problems), "; ".join(map(said_in, problems)))


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


def operation_of(classname: str, name: str) -> str:
    """The method of the SDK that a test calls: ``chat.completions.create``."""
    resource = re.sub(r"^tests\.api_resources\.|test_|\.Test\w+$", "", classname)
    method = re.sub(r"\[.*|_with_all_params|_overload_\d+", "", name)
    return f"{resource}.{re.sub(r'^test_(method|raw_response|streaming_response|path_params)_', '', method)}"


def outcome_of(problems: Sequence[str]) -> str:
    """``passed``, ``refused`` by the provider, or ``misfit``: anything else."""
    if not problems:
        return "passed"
    return "refused" if all("Error code: 4" in problem for problem in problems) else "misfit"


def said_in(problem: str) -> str:
    """Of an SDK's error the status and the provider's words; of any other its first line."""
    found = re.search(r"Error code: (\d+) - (.*)", problem, re.DOTALL)
    if found is None:
        return problem.partition("\n")[0]
    body = ast.literal_eval(found[2]) if found[2].startswith("{") else found[2]
    error = body.get("error", body) if isinstance(body, dict) else body
    return f"{found[1]} {error.get('message', error) if isinstance(error, dict) else error}"


def counted(cases: Mapping[str, Sequence[Case]]) -> dict[str, Any]:
    """In each mode: what became of each operation's tests, and why some did not pass; and how much is not asked."""
    operations: dict[str, dict[str, Counter[str]]] = {}
    reasons: dict[str, dict[str, Counter[str]]] = {}
    for mode, case in ((mode, case) for mode, its in cases.items() for case in its if case.kind == ANSWERED):
        operations.setdefault(case.operation, {}).setdefault(mode, Counter())[case.outcome] += 1
        if case.said:
            reasons.setdefault(mode, {}).setdefault(f"{case.outcome}: {case.said}", Counter())[case.operation] += 1
    others = {kind: {case.operation for case in cases["faithful"] if case.kind == kind} for kind in OTHERS}
    return {
        "operations": dict(sorted(operations.items())),
        "reasons": {mode: dict(sorted(its.items())) for mode, its in reasons.items()},
        "others": {kind: len(its) for kind, its in others.items()},
    }


# Telling


def _operations(found: Mapping[str, Any]) -> str:
    head = f"{found['sdk']} {found['version']} against {found['provider']}"
    rows = [(name, *(_told(row.get(mode, {})) for mode in MODES)) for name, row in found["operations"].items()]
    return _table((head, *MODES), rows)


def _told(results: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(results.items())) or "none"


def _reasons(found: Mapping[str, Any]) -> str:
    rows = [
        (mode, reason, str(sum(its.values())), ", ".join(its))
        for mode, reasons in found["reasons"].items()
        for reason, its in reasons.items()
    ]
    return _table(("mode", "why it did not pass", "tests", "operations"), rows)


def sums(found: Mapping[str, Any], mode: str) -> Counter[str]:
    """What became of all tests of a suite."""
    return sum((Counter(row.get(mode, {})) for row in found["operations"].values()), Counter())


def rendered(kept: Iterable[Mapping[str, Any]]) -> str:
    """The table of docs/server.md."""
    counts = ("operations", "tests", "pass", "refused", "misfit", "`--lenient`: pass", "refused", "misfit")
    head = ("suite", "against", "day", *counts, *OTHERS.values())
    return _table(head, [_row(found) for found in kept])


OUTCOMES = ("passed", "refused", "misfit")


def _row(found: Mapping[str, Any]) -> Iterator[str]:
    faithful, lenient = (sums(found, mode) for mode in MODES)
    yield f"`{found['sdk']}` {found['version']}"
    yield found["provider"]
    yield found["date"]
    yield str(len(found["operations"]))
    yield str(faithful.total())
    yield from (str(its[outcome]) for its in (faithful, lenient) for outcome in OUTCOMES)
    yield from (str(found["others"][kind]) for kind in OTHERS)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(page: str, kept: Iterable[Mapping[str, Any]]) -> str:
    """*page* with the table in place of its own."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + rendered(kept) + "\n\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    raise SystemExit(main())
