"""``--llmcontract-select``, ``--llmcontract-ignore`` and ignores on paths: what a project does not want to hear of."""

from __future__ import annotations

import pytest

TESTS = """
    from app import rate, summarise

    def test_field(groq_api):
        rate("x")

    def test_script(groq_api):
        groq_api.reply("never used")
"""


@pytest.fixture
def findings(project, run_pytest):
    """A project with an LLM101 and an LLM207; run it and get the codes that its output shows."""
    project.makepyfile(test_it=TESTS)

    def findings(*arguments, plugins=()):
        result = run_pytest("-rA", *arguments, plugins=plugins)
        shown = {code for code in ("LLM101", "LLM207") if code in result.stdout.str()}
        assert result.ret == (1 if shown else 0)
        return shown

    return findings


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], {"LLM101", "LLM207"}),
        (["--llmcontract-select=LLM1"], {"LLM101"}),
        (["--llmcontract-ignore=LLM101,LLM207"], set()),
        (["--llmcontract-select=ALL", "--llmcontract-ignore=LLM1"], {"LLM207"}),
    ],
)
def test_flags_select_and_ignore_by_code_and_prefix(findings, arguments, shown):
    assert findings(*arguments) == shown


def test_an_ignored_finding_is_in_no_section_of_the_report_either(project, run_pytest):
    project.makepyfile(test_it=TESTS + "        assert False")

    result = run_pytest("--llmcontract-ignore=LLM101,LLM207")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*LLM*")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\nllmcontract_select = LLM1, LLM2\nllmcontract_ignore = LLM207"),
        ("tox.ini", "[pytest]\nllmcontract_ignore =\n    LLM108\n    LLM207"),
        ("setup.cfg", "[tool:pytest]\nllmcontract_ignore = LLM207,LLM108"),
        ("pyproject.toml", '[tool.pytest.ini_options]\nllmcontract_ignore = ["LLM207", "LLM108"]'),
        ("pyproject.toml", '[tool.pytest.ini_options]\nllmcontract_select = "LLM1"'),
    ],
)
def test_ini_keys_hold_in_every_file_that_pytest_reads(findings, project, file, text):
    project.path.joinpath(file).write_text(text)

    assert findings() == {"LLM101"}


def test_an_empty_flag_sets_its_ini_key_aside(findings):
    assert findings("-o", "llmcontract_ignore=LLM207") == {"LLM101"}
    assert findings("-o", "llmcontract_ignore=LLM207", "--llmcontract-ignore=") == {"LLM101", "LLM207"}


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["test_it.py: LLM207"], {"LLM101"}),
        (["app.py: LLM1", "other/*: ALL"], {"LLM207"}),
    ],
)
def test_paths_are_those_of_the_test_and_of_the_applications_line(findings, project, lines, shown):
    project.path.joinpath("pyproject.toml").write_text(
        f"[tool.pytest.ini_options]\nllmcontract_per_path_ignores = {lines!r}".replace("'", '"')
    )

    assert findings("--llmcontract-select=ALL") == shown


def test_a_simulation_outside_the_fixtures_knows_the_selection_too(project, run_pytest):
    project.makepyfile(
        """
        from app import rate
        from pytest_llmcontract import simulate

        def test_it():
            with simulate("groq"):
                rate("x")
        """
    )

    run_pytest().assert_outcomes(failed=1)
    run_pytest("--llmcontract-ignore=LLM101").assert_outcomes(passed=1)


def test_workers_select_as_their_controller_does(findings):
    assert findings("-n2", "--llmcontract-ignore=LLM101", plugins=("xdist",)) == {"LLM207"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--llmcontract-select=LLM999"], "*unknown rule 'LLM999'*(--llmcontract-select)*; accepted: ALL, LLM1*"),
        (["--llmcontract-ignore=LLM1O1"], "*Did you mean 'LLM101'? (--llmcontract-ignore)*"),
        (["-o", "llmcontract_select=L1"], "*unknown rule 'L1'*(llmcontract_select (ini))*"),
        (["-o", "llmcontract_per_path_ignores=tests"], "*llmcontract_per_path_ignores (ini): 'tests' is not under*"),
        (["-o", "llmcontract_per_path_ignores=a: LLMX"], "*unknown rule 'LLMX'*(llmcontract_per_path_ignores (ini))*"),
    ],
)
def test_a_typo_stops_the_session_and_says_what_is_accepted(pytester, arguments, words, run_pytest):
    pytester.makepyfile("def test_it(): pass")

    result = run_pytest(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([words])
