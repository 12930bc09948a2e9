"""The Dockerfile and the compose example, held to what the server takes; no container is run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from pytest_llmcontract.core.facts.registry import address_names, key_names, provider_names

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "examples" / "docker"
COMPOSE = DOCKER / "compose.yaml"
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT", "CMD"}


def instructions(path):
    """Name and arguments of each instruction of a Dockerfile, in order."""
    text = re.sub(r"\\\n", " ", path.read_text("utf-8"))
    lines = (line.strip() for line in text.splitlines())
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def last(path, name):
    return [rest for what, rest in instructions(path) if what == name][-1]


def services():
    return yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]


def options(line):
    """The options of a command, each with its values."""
    found = {}
    for word in line[1:]:
        if word.startswith("--"):
            values = found.setdefault(word, [])
        else:
            values.append(word)
    return found


COMMANDS = [json.loads(last(ROOT / "Dockerfile", "CMD")), services()["llmcontract"]["command"]]
"""What the image runs by itself, and what it runs in the example."""
DOCKERFILES = pytest.mark.parametrize("path", [ROOT / "Dockerfile", DOCKER / "application" / "Dockerfile"])
OF_EACH = pytest.mark.parametrize("line", COMMANDS, ids=["image", "example"])


@DOCKERFILES
def test_every_instruction_is_one_and_the_first_names_a_slim_python_by_its_version(path):
    names = [name for name, _ in instructions(path)]
    assert set(names) <= INSTRUCTIONS
    assert names.count("FROM") == 1
    assert re.fullmatch(r"FROM python:3\.1[1-9](\.\d+)?-slim", " ".join(instructions(path)[0]))


@DOCKERFILES
def test_what_runs_is_not_root_and_the_user_was_made(path):
    names = [name for name, _ in instructions(path)]
    user = last(path, "USER")
    assert user not in ("root", "0")
    assert any(re.search(rf"\buseradd\b.* {user}$", rest) for name, rest in instructions(path) if name == "RUN")
    assert names.index("USER") < names.index("CMD")
    assert "RUN" not in names[names.index("USER") :]


@DOCKERFILES
def test_what_is_copied_is_there(path):
    copied = [source for name, rest in instructions(path) if name == "COPY" for source in rest.split()[:-1]]
    assert copied
    for source in copied:
        assert (path.parent / source).exists(), source


def test_what_the_package_is_built_of_is_copied():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "pyproject.toml"]
    needed += project["project"]["license-files"]
    copies = [rest.split() for name, rest in instructions(ROOT / "Dockerfile") if name == "COPY"]
    copied = {source: target for *sources, target in copies for source in sources}
    for path in needed:
        above = [path, *(str(parent) for parent in Path(path).parents)]
        source = next((one for one in above if one in copied), None)
        assert source, path
        assert copied[source] == (source if (ROOT / source).is_dir() else "./"), "it lands elsewhere"
    assert "server" in project["project"]["optional-dependencies"]
    assert '".[server]"' in last(ROOT / "Dockerfile", "RUN")


@OF_EACH
def test_every_option_is_one_of_the_command(line, run_command):
    assert line[0] == "serve"
    code, shown, _ = run_command("serve --help")
    assert code == 0
    assert set(options(line)) <= set(re.findall(r"--[a-z-]+", shown))


@OF_EACH
def test_the_port_is_the_one_that_is_exposed_and_others_reach_it(line):
    given = options(line)
    assert given["--host"] == ["0.0.0.0"]
    assert given["--port"] == [last(ROOT / "Dockerfile", "EXPOSE")]
    assert json.loads(last(ROOT / "Dockerfile", "ENTRYPOINT")) == ["llmcontract"]


def test_the_example_publishes_that_port_to_this_machine_alone():
    (port,) = options(COMMANDS[1])["--port"]
    assert services()["llmcontract"]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_example_builds_what_is_there():
    for service in services().values():
        assert (DOCKER / service["build"] / "Dockerfile").is_file()
    assert (DOCKER / services()["llmcontract"]["build"]).resolve() == ROOT


def test_the_application_waits_until_the_server_is_well():
    assert services()["application"]["depends_on"] == {"llmcontract": {"condition": "service_healthy"}}


def test_the_application_gets_addresses_and_dummies_that_the_sdks_read():
    given = services()["application"]["environment"]
    known = {name for provider in provider_names() for name in (*address_names(provider), *key_names(provider))}
    assert set(given) <= known
    assert {"GROQ_BASE_URL", "GROQ_API_KEY"} <= set(given)


def test_the_addresses_name_a_service_that_answers_to_its_name():
    given = services()["application"]["environment"]
    addresses = [urlsplit(value) for name, value in given.items() if value.startswith("http")]
    assert addresses
    for address in addresses:
        assert address.hostname in services()
        assert [address.hostname] == options(COMMANDS[1])["--allow-host"]
        assert [str(address.port)] == options(COMMANDS[1])["--port"]


# What the containers would run, on this machine.


def reached(serve, line):
    """The server as *line* starts it, but on any free port of this machine."""
    given = [word for name, values in options(line).items() for word in (name, *values)]
    at = given.index("--host"), given.index("--port")
    return serve(*(word for place, word in enumerate(given) if not any(place in (one, one + 1) for one in at)))


@OF_EACH
def test_a_call_by_the_name_of_the_service_is_answered_and_by_another_refused(serve, line):
    with reached(serve, line) as server:
        statuses = [
            httpx.get(f"{server.url}/_llmcontract/", headers={"host": f"{name}:8765"}).status_code
            for name in ("llmcontract", "127.0.0.1", "evil.example")
        ]
    assert statuses == [200, 200, 403]


def test_the_healthcheck_tells_a_server_that_runs_from_one_that_does_not(serve):
    kind, python, *check = services()["llmcontract"]["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")

    def code(url):
        there = [word.replace("http://127.0.0.1:8765", url) for word in check]
        assert there != check
        return subprocess.run([sys.executable, *there], capture_output=True, timeout=300).returncode

    with reached(serve, COMMANDS[1]) as server:
        assert code(server.url) == 0
    assert code(server.url) == 1


def test_the_application_is_answered(serve):
    given = services()["application"]["environment"]
    with reached(serve, COMMANDS[1]) as server:
        server.control("/reply", {"provider": "groq", "content": "From the container."})
        env = {name: value.replace("http://llmcontract:8765", server.url) for name, value in given.items()}
        program = [sys.executable, DOCKER / "application" / "app.py"]
        done = subprocess.run(program, env={**os.environ, **env}, capture_output=True, text=True, timeout=300)
        assert done.stdout == "From the container.\n", done.stderr
        (call,) = server.control("/calls")
        assert (call["status"], call["findings"]) == (200, [])
        assert server.control("/state")["providers"]["groq"]["account"]["plan"] == "developer"
