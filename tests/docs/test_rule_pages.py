"""Every rule has a page, of the same form as the others, whose example really yields it and whose fix does not.

All examples run in one session of pytest and all fixes in another, each page in a folder of its own.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from _pytest.pytester import LineMatcher
from pages import ROOT, RULE_PAGES, blocks_of, pattern, shown_commands, write_files

from pytest_llmcontract import cli
from pytest_llmcontract.core.findings.rules import RULES

HEADINGS = ["What it finds", "Why it hurts", "Example", "Fix", "Source"]

page_by_page = pytest.mark.parametrize("page", RULE_PAGES, ids=lambda page: page.stem)


def sections(page: Path) -> dict[str, str]:
    """The text below each heading of second order."""
    parts = re.split(r"^## (.+)\n", page.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_rule_has_a_page():
    assert [page.stem for page in RULE_PAGES] == sorted(RULES)


@page_by_page
def test_all_pages_have_the_same_headings(page):
    title = page.read_text("utf-8").splitlines()[0]
    rule = RULES[page.stem]

    assert title == f"# {rule.code}: {rule.title}"
    assert list(sections(page)) == HEADINGS
    assert all(text.strip() for text in sections(page).values())


@page_by_page
def test_a_rule_that_is_no_error_says_so(page):
    severity = RULES[page.stem].severity
    says = f"It is a {severity}" in sections(page)["What it finds"]

    assert says is (severity != "error")


def test_the_readme_shows_findings_as_pages_do():
    """Those that no test beside them shows to be true."""
    shown = re.findall(r"^LLM206 .*$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)

    assert shown
    assert all(line in (ROOT / "docs" / "rules" / "LLM206.md").read_text("utf-8") for line in shown)


# The examples.


@pytest.fixture(scope="module")
def session(forks, tmp_path_factory):
    """Run the tests of one section of every page; gives what pytest printed."""
    printed = {}

    def run(section: str) -> str:
        if section not in printed:
            folder = tmp_path_factory.mktemp(section)
            (folder / "pytest.ini").write_text("[pytest]\n")
            for page in RULE_PAGES:
                write_files(folder / page.stem, blocks_of(sections(page)[section]))
            result = forks.run("-rA", "--import-mode=importlib", "-p", "no:cacheprovider", cwd=folder)
            printed[section] = result.stdout.str()
        return printed[section]

    return run


def _outcomes(output: str, code: str) -> set[str]:
    """How the tests of a page ended."""
    return set(re.findall(rf"^(PASSED|FAILED|ERROR) {code}/", output, re.MULTILINE))


@page_by_page
def test_the_example_yields_the_finding(page, session, tmp_path, monkeypatch, capsys):
    rule = RULES[page.stem]
    found = blocks_of(sections(page)["Example"])
    tests = [block for block in found if block.output]

    for block in tests:
        output = session("Example")
        LineMatcher(output.splitlines()).fnmatch_lines([pattern(line) for line in block.output.splitlines() if line])
        assert _outcomes(output, page.stem) == {"FAILED" if rule.severity == "error" else "PASSED"}
        assert rule.code in block.output
    commands = _run_commands(found, tmp_path, monkeypatch, capsys)
    for code, printed, shown in commands:
        LineMatcher(printed.splitlines()).fnmatch_lines([pattern(line) for line in shown if line])
        assert code == (1 if rule.severity == "error" else 0)
        assert rule.code in printed
    assert tests or commands


@page_by_page
def test_the_fix_does_not(page, session, tmp_path, monkeypatch, capsys):
    found = blocks_of(sections(page)["Fix"])
    tests = [block for block in found if block.language == "python"]

    if tests:
        output = session("Fix")
        assert _outcomes(output, page.stem) == {"PASSED"}
        assert not re.search(rf"^{page.stem} ", output, re.MULTILINE)
    commands = _run_commands(found, tmp_path, monkeypatch, capsys)
    for code, printed, _ in commands:
        assert (code, page.stem in printed) == (0, False)
    assert tests or commands


def _run_commands(found, folder, monkeypatch, capsys):
    """Exit code, output and what the page shows, for each command in *found*."""
    write_files(folder, found)
    monkeypatch.chdir(folder)
    results = []
    for block in found:
        for command, shown in shown_commands(block.text) if block.language == "console" else ():
            name, *arguments = shlex.split(command)
            assert name == "llmcontract"
            results.append((cli.main(arguments), "".join(capsys.readouterr()), shown))
    return results
