"""examples/provider: a provider in a package of its own, installed into a venv and used as its README says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "provider"
LONGEST = 150
"""Lines of code that one may take, beside its data."""


PROGRAMS = {
    "pytest": "from pytest import console_main as main",
    "llmcontract": "from pytest_llmcontract.cli import main",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A copy of the example, and the programs of a venv that has it and what this environment has."""
    folder = tmp_path_factory.mktemp("acme")
    example = shutil.copytree(EXAMPLE, folder / "provider", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    programs = folder / "venv" / "bin"
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    (site / "environment.pth").write_text("\n".join([sysconfig.get_paths()["purelib"], *ours()]))
    install = [sys.executable, "-m", "pip", "--python", programs / "python", "install", "-q"]
    subprocess.run([*install, "--no-deps", "--no-build-isolation", example], check=True)
    for name, main in PROGRAMS.items():
        script = programs / name
        script.write_text(f"#!{programs}/python\nimport sys\n{main}\nsys.exit(main())\n")
        script.chmod(0o755)
    return example, programs


def ours() -> list[str]:
    """Where the package under test is imported from, if it is an editable install."""
    import pytest_llmcontract

    return [str(Path(pytest_llmcontract.__file__).parents[1])]


def lines_of_readme() -> list[str]:
    (block,) = re.findall(r"```bash\n(.*?)```", (EXAMPLE / "README.md").read_text("utf-8"), re.DOTALL)
    return [line for line in block.splitlines() if line != "pip install ."]


def run(place, line: str, *, code: int = 0) -> str:
    example, programs = place
    program, *rest = shlex.split(line)
    done = subprocess.run([programs / program, *rest], cwd=example, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("line", "says"),
    [*zip(lines_of_readme(), ["7 passed", "anvil-2", "fits; RPM would bind first", "$2.00"], strict=True)],
)
def test_its_readme(place, line, says):
    assert says in run(place, line)


def test_verify_judges_its_recordings(place):
    body = {"model": "anvil-2", "messages": [{"role": "user", "content": "x"}], "colour": 1}
    url = "https://api.acme.example/v1/chat/completions"
    request = {"method": "POST", "uri": url, "body": json.dumps(body), "headers": {}}
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": "{}"}}
    recorded = {"version": 1, "interactions": [{"request": request, "response": response}]}
    (place[0] / "one.json").write_text(json.dumps(recorded))

    assert "LLM101 acme chat.completions: $.colour is not supported" in run(
        place, "llmcontract verify one.json", code=1
    )


def test_its_marker_is_listed_with_what_it_takes(place):
    assert '@pytest.mark.acme_api(*, plan="", edition=None, limits=None, models=None, hosts=())' in run(
        place, "pytest --markers"
    )


def test_it_is_data_and_little_code():
    code = sum(len(file.read_text("utf-8").splitlines()) for file in (EXAMPLE / "acme_provider").glob("*.py"))

    assert code <= LONGEST
