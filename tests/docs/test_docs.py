"""The documentation is true: its tests run, its commands print what it shows, and it mentions everything there is."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields

import pytest
from _pytest.pytester import LineMatcher
from pages import PAGES, ROOT, RULE_PAGES, Block, blocks, pattern, shown_commands, write_files

import pytest_llmcontract
from pytest_llmcontract import cli, options
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.places import find_schemas
from pytest_llmcontract.core.facts.records import LIMIT_KINDS, Model
from pytest_llmcontract.core.facts.registry import provider_folder
from pytest_llmcontract.core.findings.rules import RULES
from pytest_llmcontract.providers.groq import wording as groq_wording
from pytest_llmcontract.providers.groq.account import GroqAccount
from pytest_llmcontract.providers.together import wording as together_wording
from pytest_llmcontract.providers.together.account import TogetherAccount

PROVIDERS = ("groq", "together")
PLUGINS = ("pytest_asyncio.plugin", "pytest_httpx", "_hypothesis_pytestplugin")  # that are there where the pages run

page_by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
rules_too = pytest.mark.parametrize("page", PAGES + RULE_PAGES, ids=lambda page: page.name)


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


# What it shows works.


@page_by_page
def test_the_tests_of_a_page_run(page, pytester, run_pytest):
    """Every python block is a file beside the others of its page; one that is followed by output fails with it."""
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    files = [(block, block.file) for block in blocks(page) if block.file]
    assert len({file for _, file in files}) == len(files), "two blocks of one name"
    write_files(pytester.path, blocks(page))
    tests = [(block, file) for block, file in files if file.startswith("test_")]

    if passing := [file for block, file in tests if block.output is None]:
        result = run_pytest("-W", "error", *passing, plugins=PLUGINS)
        assert result.ret == 0
    for block, file in tests:
        if block.output is not None:
            result = run_pytest(file, plugins=PLUGINS)
            assert result.ret == 1
            result.stdout.fnmatch_lines([pattern(line) for line in block.output.splitlines() if line.strip(" …")])


@rules_too
def test_a_python_block_that_is_no_test_at_least_compiles(page):
    for block in blocks(page):
        if block.language == "python":
            compile(block.text, page.name, "exec")


@page_by_page
def test_few_blocks_do_not_run(page):
    left_out = [block for block in blocks(page) if block.language == "python" and not block.file]

    assert len(left_out) <= 3, [block.text for block in left_out]


OUR_COMMAND = re.compile(r"(?<![^ ])llmcontract(?= )")


def _commands() -> list[object]:
    found = [
        pytest.param(page, command, shown, id=f"{page.name}-{command}")
        for page in PAGES
        for block in blocks(page)
        if block.language == "console"
        for command, shown in shown_commands(block.text)
        if OUR_COMMAND.search(command) and "demo" not in command
    ]
    return found or [pytest.param(None, "", [], marks=pytest.mark.skip)]


@pytest.mark.parametrize(("page", "command", "shown"), _commands())
def test_a_command_prints_what_the_page_shows(page, command, shown, tmp_path):
    write_files(tmp_path, blocks(page))
    ours = f"{shlex.quote(sys.executable)} -m pytest_llmcontract.cli"
    line = OUR_COMMAND.sub(lambda _: ours, command)

    result = subprocess.run(
        line, shell=True, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )

    assert "Traceback" not in result.stderr
    printed = (result.stderr + result.stdout).splitlines()
    LineMatcher([line.rstrip() for line in printed]).fnmatch_lines(
        [pattern(line.rstrip()) for line in shown if line.strip(" …")]
    )


# It mentions everything.


def _members(kind: type) -> list[str]:
    ours = [base for base in kind.__mro__ if base.__module__.startswith(pytest_llmcontract.__name__)]
    return list(dict.fromkeys(name for base in ours for name in vars(base) if not name.startswith("_")))


def _of_public_classes() -> dict[str, list[str]]:
    from pytest_llmcontract.core.exchange import ApiReply, Usage
    from pytest_llmcontract.core.money.account import Account

    of_the_path = {*_members(Account)}
    internal = {
        "SimulatedProvider": {"simulator", "begin", "findings", "judge", "play", "weather", "unused_scripts"},
        "VirtualClock": {"after", "is_behind", "move_to", "on_move", "pass_due", "rebase", "begin_test"},
        "Script": {"matches", "use"},
        "Call": {"note_levels", "counted"},
        "ApiRequest": {"forget", "key_mark", "line", "origin", "reached"},
        "GroqAccount": of_the_path,
        "TogetherAccount": of_the_path | {"tier_in_force"},
    }
    kinds = (
        *(getattr(pytest_llmcontract, name) for name in ("SimulatedProvider", "VirtualClock", "Calls", "Script")),
        pytest_llmcontract.LimitState,
        GroqAccount,
        TogetherAccount,
    )
    members = {kind.__name__: sorted({*_members(kind)} - internal.get(kind.__name__, set())) for kind in kinds}
    for record in (pytest_llmcontract.Call, pytest_llmcontract.ApiRequest, ApiReply, Usage):
        names = {f.name for f in fields(record) if not f.name.startswith("_")} | {*_members(record)}
        members[record.__name__] = sorted(names - internal.get(record.__name__, set()))
    members["SimulatedProvider.parameters"] = sorted(
        {
            parameter
            for name in members["SimulatedProvider"]
            if inspect.isfunction(method := getattr(pytest_llmcontract.SimulatedProvider, name))
            for parameter in inspect.signature(method).parameters
        }
        - {"self"}
    )
    return members


@pytest.mark.parametrize(("kind", "names"), _of_public_classes().items(), ids=lambda value: str(value)[:30])
def test_the_reference_has_every_member(kind, names):
    page = text_of("reference.md")

    assert [
        name for name in names if f"`{name}" not in page and f".{name}" not in page and f"{name}=" not in page
    ] == []


def test_the_reference_has_every_parameter_of_a_function():
    page = text_of("reference.md")
    functions = {name: getattr(pytest_llmcontract, name) for name in pytest_llmcontract.__all__}
    rows = {name: re.search(rf"^\| `{name}\((.*?)\)` \|", page, re.MULTILINE) for name in functions}
    shown = {name: row[1] if row else "" for name, row in rows.items() if inspect.isfunction(functions[name])}
    parameters = {(name, each) for name in shown for each in inspect.signature(functions[name]).parameters}
    parameters -= {("verify", "progress")}  # for the command

    assert shown
    assert [(name, each) for name, each in parameters if each not in shown[name]] == []


def _subcommands() -> dict[str, list[str]]:
    actions = cli._parser()._actions
    commands = next(action for action in actions if isinstance(action, argparse._SubParsersAction)).choices
    return {name: [o for a in parser._actions for o in a.option_strings] for name, parser in commands.items()}


def test_the_reference_has_every_name():
    page = text_of("reference.md")
    flags = [f"--llmcontract-{name}" for name in options._FLAGS]
    commands = _subcommands()
    expected = [
        *pytest_llmcontract.__all__,
        *("groq_api", "together_api", "llm_clock", "llm_calls"),
        *(f"{name}({options.signature_of(name)})" for name in (*options.provider_markers(), *options.MARKERS)),
        *flags,
        *(f"llmcontract {name}" for name in commands),
        *(
            option
            for of_one in commands.values()
            for option in of_one
            if option.startswith("--") and option != "--help"
        ),
        *(f"| `{kind}` |" for kind in LIMIT_KINDS),
        *(f"`{name}`" for name in Model.model_fields if name not in ("id", "source", "sources")),
        *(operation for provider in PROVIDERS for operation in load_edition(provider).operations.values()),
    ]

    assert [name for name in expected if name not in page] == []


def test_the_reference_has_every_ini_key(pytestconfig):
    keys = [key for key in pytestconfig._parser._inidict if key.startswith("llmcontract_")]

    assert keys
    assert [key for key in keys if f"`{key}`" not in text_of("reference.md")] == []


def test_the_reference_has_every_rule():
    rows = [f"| [`{rule.code}`](rules/{rule.code}.md) | {rule.title} | {rule.severity} |" for rule in RULES.values()]

    assert [row for row in rows if row not in text_of("reference.md")] == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_reference_has_the_error_catalogue(provider):
    """Copy the rows from this test's output when the data changes."""
    edition = load_edition(provider)
    rows = [
        f"| `{spec.name}` | {spec.status}{' *' if spec.default_for_status else ''} | {spec.step} "
        f"| {'yes' if spec.rate_headers else ''} | {edition.sources[spec.source].kind} |"
        for spec in edition.errors.values()
    ]

    assert "\n".join(rows) in text_of("reference.md"), "\n".join(rows)


# It says what is assumed.


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_assumed_source_is_on_the_page(provider):
    page = text_of("assumed.md")
    sources = {key: source for key, source in load_edition(provider).sources.items() if source.kind == "assumed"}

    assert [key for key, source in sources.items() if f"`{key}`" not in page or source.what not in page] == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_assumed_error_is_on_the_page(provider):
    page = text_of("assumed.md")
    edition = load_edition(provider)
    names = [spec.name for spec in edition.errors.values() if edition.sources[spec.source].kind == "assumed"]

    assert [name for name in names if f"`{name}`" not in page] == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_assumed_switch_is_on_the_page(provider):
    page = text_of("assumed.md")
    sources = load_edition(provider).sources
    rows = json.loads((provider_folder(provider) / "dialect.json").read_bytes())
    keys = [row["key"] for row in rows if sources[row["source"]].kind == "assumed"]

    assert [key for key in keys if f"`{key}`" not in page] == []


def _assumed_fields(schema: object, name: str = "") -> Iterator[str]:
    """The properties of a request contract whose description ends in ``assumed]``."""
    if isinstance(schema, dict):
        if name and re.search(r"\bassumed\]", str(schema.get("description", ""))):
            yield name
        for key, value in schema.items():
            yield from _assumed_fields(value, key)


@pytest.mark.parametrize("file", sorted(find_schemas().glob("*/*.request.json")), ids=lambda file: file.stem)
def test_every_assumed_field_is_on_the_page(file):
    page = text_of("assumed.md")
    fields_of_it = _assumed_fields(json.loads(file.read_bytes()))

    assert [name for name in fields_of_it if name not in page] == []


@pytest.mark.parametrize("wording", [groq_wording, together_wording], ids=PROVIDERS)
def test_every_assumed_text_is_on_the_page(wording):
    texts = [text.template for text in wording.TEXTS.values() if "assumed" in f"{text.source} {text.note}"]

    assert [text for text in texts if text not in text_of("assumed.md")] == []


# Form.


@rules_too
def test_one_sentence_a_line(page):
    prose = "".join(
        line + "\n" for line in _outside_fences(page.read_text("utf-8")) if not line.startswith(("|", "#", "    "))
    )

    assert [line for line in prose.splitlines() if ". " in _sentence(line) and page.name != "README.md"] == []


def _outside_fences(text: str) -> list[str]:
    lines, inside = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            lines.append(line)
    return lines


def _sentence(line: str) -> str:
    """*line* without what looks like the end of a sentence and is none."""
    for no_end in ("e.g. ", "i.e. ", "etc. "):
        line = line.replace(no_end, "")
    return line.lstrip("0123456789.-* ").replace("`. `", "")


def test_every_link_between_pages_leads_somewhere():
    broken = []
    for page in PAGES + RULE_PAGES:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")

    assert broken == []


def test_the_readme_lists_every_command():
    readme = (ROOT / "README.md").read_text("utf-8")

    assert [name for name in _subcommands() if f"| `llmcontract {name}" not in readme] == []


def test_blocks_are_named_for_their_first_test():
    assert Block("python", "", "import x\n\nasync def test_it():\n    pass\n", None).file == "test_it.py"
    assert Block("python", "app.py", "x = 1\n", None).file == "app.py"
    assert Block("python", "no-run", "def test_it(): ...\n", None).file is None
