"""What a scan finds in a source tree, and what it lets be."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from textwrap import dedent

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.scan.scan import scan

TODAY = date(2026, 11, 28)
DEAD = "llama-3.3-70b-versatile"  # Groq's own form; gone since 2026-08-16
SHARED = "qwen/qwen3-32b"  # Groq's until 2026-07-17, and other hosts' to this day
TURBO = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"  # Together's own form; gone since 2026-02-25
LISTED = "mistralai/Mixtral-8x7B-Instruct-v0.1"  # Together's until 2026-04-16; the name is the model's everywhere


@pytest.fixture
def found(tmp_path):
    """The findings in one file: code, severity, what was sent, line and column."""

    def scanned(text, name="app.py", **options):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        result = scan([file], **{"day": TODAY, **options})
        return [(v.code, v.severity, v.sent, int(v.site.rpartition(":")[2]), v.column) for v in result.violations]

    return scanned


def codes(findings):
    return [(code, severity) for code, severity, *_ in findings]


# Whose an id is.


@pytest.mark.parametrize("id", [DEAD, "llama3-70b-8192", "mixtral-8x7b-32768", "groq/llama-3.1-8b-instant", TURBO])
def test_an_id_of_a_providers_own_form_needs_no_context(found, id):
    assert codes(found(f"MODEL = {id!r}")) == [("LLM104", "error")]


@pytest.mark.parametrize("id", [f"groq/{SHARED}", f"groq:{SHARED}", f"together_ai/{LISTED}", f"together:{LISTED}"])
def test_a_prefix_tells_the_provider(found, id):
    assert codes(found(f"MODEL = {id!r}")) == [("LLM104", "error")]


@pytest.mark.parametrize("id", [SHARED, LISTED, "openai/gpt-oss-20b"])
def test_an_id_that_several_hosts_have_says_nothing_alone(found, id):
    assert found(f"MODEL = {id!r}") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app.py", f"client = Groq()\nclient.chat.completions.create(model={SHARED!r}, messages=[])"),
        ("app.py", f"from langchain_groq import ChatGroq\nllm = ChatGroq(model={SHARED!r})"),
        ("app.py", f'llm = OpenAI(base_url="https://api.groq.com/openai/v1")\nllm.responses.create(model={SHARED!r})'),
        ("app.py", f"class GroqModels(Enum):\n    QWEN = {SHARED!r}"),
        ("app.py", f'MODELS = {{\n    "openrouter": ["x/y"],\n    "groq": [\n        {SHARED!r},\n    ],\n}}'),
        ("providers/groq.py", f"MODEL = {SHARED!r}"),
        (
            "conf.yaml",
            f"llms:\n  - provider: groq\n    model: {SHARED}\n  - provider: openrouter\n    model: x",
        ),
        ("conf.toml", f'[llm.groq]\nmodel = "{SHARED}"'),
        ("conf.json", f'{{"groq": {{"model": "{SHARED}"}}, "azure": {{"model": "y"}}}}'),
        (".env", f"GROQ_API_KEY=\nGROQ_MODEL={SHARED}"),
        ("app.ts", f"const groq = createGroq();\nexport const model = groq('{SHARED}');"),
        ("README.md", f'# App\n```python\nclient = Groq()\nclient.ask(model="{SHARED}")\n```\n'),
        ("run.sh", f"export GROQ_API_KEY=x\nllm --model {SHARED} hello"),
    ],
)
def test_the_code_around_an_id_tells_the_provider(found, name, text):
    assert codes(found(text, name)) == [("LLM104", "error")]


@pytest.mark.parametrize(
    "text",
    [
        f"class OpenRouterModels(Enum):\n    QWEN = {SHARED!r}\nclass GroqModels(Enum):\n    OSS = 'x'",
        f'MODELS = {{\n    "openrouter": [{SHARED!r}],\n    "groq": ["openai/gpt-oss-120b"],\n}}',
        f"groq = Groq()\nc = OpenAI(base_url='https://openrouter.ai/api/v1')\nc.responses.create(model={SHARED!r})",
        f'HF = {{\n    "huggingface": {{"model": {TURBO!r}}},\n}}',
    ],
)
def test_what_is_said_to_another_host_is_not_ours(found, text):
    assert found(text) == []


def test_where_several_hosts_are_named_a_shared_id_is_a_note(found):
    findings = found(
        f"# groq or openrouter\nfrom groq import Groq\nimport openrouter\n\ndef ask():\n    return {SHARED!r}"
    )
    assert codes(findings) == [("LLM104", "note")]


# Where an id counts.


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app.py", f"# {DEAD} went in August\nMODEL = 'openai/gpt-oss-120b'"),
        ("app.py", f'raise ValueError("the model {DEAD} was retired by Groq")'),
        ("app.py", f'def f():\n    """Was {DEAD} before."""'),
        ("app.py", f"if model == {DEAD!r}:\n    model = 'openai/gpt-oss-120b'"),
        ("app.py", f"if model in ({DEAD!r}, 'x'): pass"),
        ("app.py", f"x = model.startswith({DEAD!r})"),
        ("app.ts", f"// {DEAD}\n/* {DEAD} */ const a = 1;"),
        ("conf.yaml", f"# model: {DEAD}\nmodel: openai/gpt-oss-120b"),
        ("CHANGES.md", f"- `{DEAD}` is replaced.\n\n```\nmoved off {DEAD} today\n```\n"),
    ],
)
def test_comments_prose_and_comparisons_do_not_count(found, name, text):
    assert found(text, name) == []


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("app.py", f"MODEL = '{DEAD}'", (1, 10)),
        ("app.py", f"MODELS = 'openai/gpt-oss-120b,{DEAD}'", (1, 31)),
        ("app.py", f"é = ('ü', '{DEAD}')", (1, 12)),
        ("app.py", f"# groq\nM = [\n    'x',\n    '{DEAD}',\n]", (4, 6)),
        ("app.py", f'def f():\n    """Ask.\n\n    >>> ask(model="{DEAD}")\n    """', (4, 20)),
        ("broken.py", f"def f(:\n    model='{DEAD}'", (2, 12)),
        ("app.mjs", f"const m = `{DEAD}`;", (1, 12)),
        ("conf.yml", f"model: {DEAD}  # the big one", (1, 8)),
        ("conf.yml", f"models:\n  - {DEAD}", (2, 5)),
        ("prod.env", f"MODEL={DEAD}", (1, 7)),
        ("tox.ini", f"[testenv]\nsetenv = MODEL={DEAD}", (2, 16)),
        ("Dockerfile", f"ENV MODEL={DEAD}", (1, 11)),
        ("README.rst", f"Use::\n\n    ask(model='{DEAD}')\n\n", (3, 16)),
        ("README.md", f"```yaml\nmodel: {DEAD}\n```", (2, 8)),
    ],
)
def test_a_finding_says_where(found, name, text, place):
    assert [finding[3:] for finding in found(text, name)] == [place]


def test_cells_of_notebooks_are_read(found):
    cells = [
        {"cell_type": "markdown", "source": [f"about {DEAD}"]},
        {"cell_type": "code", "source": ["client = Groq()\n", f'ask(client, model="{DEAD}")'], "outputs": [DEAD]},
    ]
    assert [v[:3] for v in found(json.dumps({"cells": cells}, indent=1), "n.ipynb")] == [("LLM104", "error", DEAD)]


# Days.


def test_a_model_that_goes_soon_is_a_warning(found):
    text = f"MODEL = {DEAD!r}"
    assert codes(found(text, day=date(2026, 8, 1))) == [("LLM108", "warning")]
    assert found(text, day=date(2026, 7, 1)) == []
    assert codes(found(text, day=date(2026, 7, 1), within=60)) == [("LLM108", "warning")]
    assert codes(found(text, day=date(2026, 8, 16))) == [("LLM104", "error")]


def test_a_finding_names_what_the_provider_recommends_and_still_answers(tmp_path):
    file = tmp_path / "app.py"
    file.write_text("A = 'mixtral-8x7b-32768'\nB = 'groq/compound'\n")
    first, second = scan([file], day=TODAY).violations
    assert first.allowed == "openai/gpt-oss-120b or qwen/qwen3.8-27b"  # through three that went themselves since
    assert (second.allowed, "named none" in second.fix) == ("", True)
    assert "answers 400 model_decommissioned" in first.answer


# The other rules.


@pytest.mark.parametrize("text", ["'groq/openai/gpt-os-120b'", "'groq/llama-3.3-70b-versatil'"])
def test_a_slip_in_an_id_is_told_only_where_what_is_meant_answers(found, text):
    expected = [("LLM103", "error")] if "gpt" in text else []
    assert codes(found(f"MODEL = {text}")) == expected


def test_another_number_is_another_model_not_a_slip(found):
    assert found("MODEL = 'groq/openai/gpt-oss-220b'") == []


def test_a_field_that_the_provider_refuses_is_found_in_a_literal_call(found):
    call = (
        "client = groq.Groq()\nclient.chat.completions.create(model='openai/gpt-oss-120b', messages=m, logprobs=True)"
    )
    assert [(v[0], v[3]) for v in found(call)] == [("LLM101", 2)]
    assert found(call.replace("logprobs=True", "timeout=3")) == []
    assert found(call.replace("groq.Groq()", "openai.OpenAI()")) == []
    assert found(call.replace("logprobs=True", "logprobs=flag")) == []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('c = OpenAI(base_url="https://api.groq.com/openai/v1")', False),
        ('c = OpenAI(base_url="https://api.groq.com")', True),
        ('c = OpenAI(base_url="https://api.groq.com/v1")', True),
        ('c = OpenAI(base_url="https://api.together.xyz/v1")', False),
        ('c = OpenAI(base_url="https://api.together.xyz/v1/chat/completions")', True),
        ('requests.post("https://api.groq.com/openai/v1/chat/completions")', False),
        ('requests.post("https://api.groq.com/v1/chat/completions")', True),
        ('KEYS = "https://api.together.ai/settings/api-keys"', False),
        ('c = Groq(base_url="https://api.groq.com")', False),
    ],
)
def test_a_wrong_address_is_told(found, line, wrong):
    assert codes(found(line)) == ([("LLM105", "error")] if wrong else [])


def test_a_key_in_the_source_is_told_and_not_shown(tmp_path, run_command):
    key = "gsk_" + "a1B2c3D4e5F6g7H8" * 3 + "i9J0"
    (tmp_path / "app.py").write_text(f"# {key}\nKEY = 'gsk_your_key_here'\n")
    code, out, _ = run_command(f"scan {tmp_path}")
    assert code == 1
    assert "app.py:1:3: LLM202 an API key stands in the source" in out
    assert key not in out


# What is let be.


def test_a_comment_lets_a_finding_be(found):
    line = f"MODEL = {DEAD!r}  # llmcontract: ignore"
    assert found(line) == []
    assert found(f"{line}[LLM104]") == []
    assert found(f"{line}[LLM101, LLM104]") == []
    assert codes(found(f"{line}[LLM105]")) == [("LLM104", "error")]


def test_a_comment_that_names_no_rule_is_told_and_the_rest_is_scanned(tmp_path):
    (tmp_path / "a.py").write_text(f"M = {DEAD!r}  # llmcontract: ignore[LLM999]\nN = 'llama3-8b-8192'\n")
    result = scan([tmp_path], day=TODAY)
    assert [v.sent for v in result.violations] == [DEAD, "llama3-8b-8192"]
    assert len(result.problems) == 1
    assert "a.py:1" in result.problems[0]
    assert "LLM999" in result.problems[0]


# The tree.


def test_what_git_ignores_and_what_is_vendored_is_left_out(tmp_path):
    for name in ("app.py", "build/app.py", "node_modules/x/app.js", ".venv/lib/app.py", "vendor/app.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"M = {DEAD!r}")
    (tmp_path / ".gitignore").write_text("build/\n")
    assert len(scan([tmp_path], day=TODAY).violations) == 2  # build/ too, where there is no repository
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert [v.site for v in scan([tmp_path], day=TODAY).violations] == [f"{(tmp_path / 'app.py').as_posix()}:1"]


def test_files_that_cannot_be_scanned_do_not_end_the_scan(tmp_path):
    (tmp_path / "a.py").write_bytes(b"\0\1\2" + DEAD.encode())
    (tmp_path / "b.json").write_bytes(b"[" * 200_000)
    (tmp_path / "c.ipynb").write_text("{not json")
    (tmp_path / "d.py").write_bytes(f"# caf\xe9\nM = {DEAD!r}".encode("latin-1"))
    (tmp_path / "e.json").write_bytes(b" " * 9_000_000)
    (tmp_path / "f.py").write_text("(" * 5000)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.py").symlink_to(tmp_path / "nothing")
    (tmp_path / "z.py").write_text(f"M = {DEAD!r}")
    result = scan([tmp_path], day=TODAY)
    assert [v.site.rpartition("/")[2] for v in result.violations] == ["d.py:2", "z.py:1"]
    assert [problem.rpartition("/")[2] for problem in result.problems] == ["e.json: larger than 8 MB, not read"]


@pytest.mark.parametrize(
    ("options", "message"), [({"within": -1}, "--within -1"), ({"paths": "nowhere"}, "no such file")]
)
def test_bad_input_is_one_clear_line(tmp_path, options, message):
    paths = [options.pop("paths", tmp_path)]
    with pytest.raises(BadInput, match=message):
        scan(paths, day=TODAY, **options)
