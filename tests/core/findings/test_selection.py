"""Which findings count: the grammar of codes and paths, and who wins."""

from __future__ import annotations

import os

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.findings.rules import RULES, Violation
from pytest_llmcontract.core.findings.selection import Selection, read_codes, read_per_path, read_selection


def counted(selection: Selection) -> set[str]:
    return {code for code in RULES if selection.counts(Violation(code, "…"))}


def beginning(*prefixes: str) -> set[str]:
    return {code for code in RULES if code.startswith(prefixes)}


ALL = set(RULES)


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ("", "", ALL),
        ("ALL", "", ALL),
        ("LLM101", "", {"LLM101"}),
        ("LLM1", "", beginning("LLM1")),
        ("LLM", "", ALL),
        ("LLM1,LLM207", "", beginning("LLM1", "LLM207")),
        (" LLM1 ,\nLLM207 ", "", beginning("LLM1", "LLM207")),
        ("", "LLM108", ALL - {"LLM108"}),
        ("", "LLM2", ALL - beginning("LLM2")),
        ("LLM1", "LLM101", beginning("LLM1") - {"LLM101"}),
        ("LLM101", "LLM1", {"LLM101"}),
        ("LLM1", "LLM10", set()),
        ("LLM101", "LLM101", set()),
        ("ALL", "ALL", set()),
        ("LLM4", "ALL", beginning("LLM4")),
    ],
)
def test_the_longer_prefix_decides_and_of_equal_ones_the_ignored(select, ignore, expected):
    selection = read_selection(select, ignore, {}.get)

    assert counted(selection) == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((None, None), beginning("LLM1") - {"LLM101"}),
        (("LLM2", None), beginning("LLM2")),
        (("LLM101", None), {"LLM101"}),
        (("LLM101", "LLM101"), set()),
        ((None, "LLM108"), beginning("LLM1") - {"LLM108"}),
        ((None, ""), beginning("LLM1")),
    ],
)
def test_flags_go_before_ini_keys_and_select_starts_afresh(flags, expected):
    ini = {"llmcontract_select": ["LLM1"], "llmcontract_ignore": ["LLM101"]}

    assert counted(read_selection(*flags, ini.get)) == expected


PATHS = [
    # pattern, path of the test, is it ignored there
    ("tests/legacy/*", "tests/legacy/test_old.py", True),
    ("tests/legacy/*", "tests/legacy/deeper/test_old.py", True),
    ("tests/legacy/*", "tests/test_new.py", False),
    ("tests/legacy", "tests/legacy/deeper/test_old.py", True),
    ("./tests/legacy/", "tests/legacy/test_old.py", True),
    ("tests/legacy", "tests/legacy_not/test_old.py", False),
    ("test_old.py", "tests/legacy/test_old.py", True),
    ("*_old.py", "tests/legacy/test_old.py", True),
    ("legacy/test_old.py", "tests/legacy/test_old.py", False),
    ("tests/*/test_old.py", "tests/legacy/test_old.py", True),
    ("*", "anything.py", True),
]


@pytest.mark.parametrize(("pattern", "path", "ignored"), PATHS)
def test_patterns_are_relative_to_the_root_and_a_folder_means_all_below_it(tmp_path, pattern, path, ignored):
    selection = Selection(per_path=read_per_path([f"{pattern}: LLM101"], "here"), root=str(tmp_path))
    place = str(tmp_path / path)

    assert selection.counts(Violation("LLM101", "…"), place) is not ignored
    assert selection.counts(Violation("LLM102", "…"), place)


@pytest.mark.parametrize("site", ["app/client.py:41 in ask", "app/client.py:41 in <lambda>", "app/client.py:7"])
def test_the_applications_own_line_is_a_place_too(site):
    selection = Selection(per_path=read_per_path(["app/client.py: LLM1"], "here"), root=os.getcwd())

    assert not selection.counts(Violation("LLM101", "…", site=site), "tests/test_it.py")
    assert selection.counts(Violation("LLM101", "…", site="app/other.py:41 in ask"), "tests/test_it.py")


def test_on_a_path_to_ignore_wins_over_an_exact_selection():
    selection = Selection(("LLM101",), per_path=(("tests", ("LLM1",)),))

    assert not selection.counts(Violation("LLM101", "…"), "tests/test_it.py")


def test_what_is_kept_keeps_its_order():
    findings = [Violation(code, "…") for code in ("LLM204", "LLM101", "LLM108", "LLM101")]

    assert Selection(ignore=("LLM108",)).kept(findings) == [findings[0], findings[1], findings[3]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("LLM999", "; accepted: ALL, LLM1, LLM101, "),
        ("llm101", "unknown rule 'llm101'. Did you mean 'LLM101'? "),
        ("LLM1O1", "Did you mean 'LLM101'? (--select)"),
        ("L", "unknown rule 'L'"),
        ("LLM101;LLM102", "unknown rule 'LLM101;LLM102'"),
    ],
)
def test_a_code_that_means_no_rule_is_refused_with_what_would_do(text, words):
    with pytest.raises(BadInput) as refused:
        read_codes(text, "--select")

    assert words in str(refused.value)


@pytest.mark.parametrize("line", ["tests/legacy", "tests/legacy:", ": LLM101", "LLM101"])
def test_a_line_of_another_form_is_refused_with_an_example(line):
    with pytest.raises(BadInput, match=r"is not understood; expected PATTERN: CODES, such as tests/legacy/\*: LLM101"):
        read_per_path([line], "here")


def test_a_windows_drive_is_no_pattern():
    assert read_per_path([r"C:\tests\*: LLM101"], "here") == ((r"C:\tests\*", ("LLM101",)),)
