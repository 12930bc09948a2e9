"""core/site.py: whose line it is."""

from __future__ import annotations

import asyncio
import os
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pytest_llmcontract.core import site
from pytest_llmcontract.core.site import application_site

HERE = Path(__file__)


def line() -> int:
    return sys._getframe(1).f_lineno


def shown(name: str, number: int) -> str:
    return f"{os.path.relpath(HERE, site._STARTED_IN)}:{number} in {name}"


def test_the_caller_is_the_site():
    assert application_site() == shown("test_the_caller_is_the_site", line())


def test_frames_of_the_standard_library_are_passed_over():
    found = weakref.finalize(line, application_site)()

    assert found == shown("test_frames_of_the_standard_library_are_passed_over", line() - 2)


def test_frames_of_installed_packages_are_passed_over(tmp_path, monkeypatch):
    package = tmp_path / "lib" / "site-packages"
    package.mkdir(parents=True)
    (package / "sdk.py").write_text("def create(then):\n    return then()\n")
    monkeypatch.syspath_prepend(package)
    import sdk

    assert sdk.create(application_site) == shown("test_frames_of_installed_packages_are_passed_over", line())


def test_in_a_thread_the_stack_is_the_threads():
    def ask():
        return application_site()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(ask).result().endswith("in ask")
        assert pool.submit(application_site).result() == ""


def test_in_a_coroutine_the_awaiting_one_counts():
    async def ask():
        async with asyncio.timeout(1):
            return await sdk()

    # The code of an SDK, as far as its file name goes.
    names: dict[str, Any] = {"ask": application_site, "asyncio": asyncio}
    source = "async def sdk():\n    await asyncio.sleep(0)\n    return ask()\n"
    exec(compile(source, site.__file__, "exec"), names)
    sdk = names["sdk"]

    assert asyncio.run(ask()).endswith("in ask")


@pytest.mark.parametrize("code", ["<string>", "<frozen importlib._bootstrap>", "<attrs generated init app.Client>"])
def test_generated_code_is_nobodys(code):
    ask = eval(compile("lambda ask: ask()", code, "eval"))

    assert ask(application_site).endswith("in test_generated_code_is_nobodys")


@pytest.mark.parametrize("code", ["<stdin>", "<doctest README.md[3]>", "<ipython-input-3-ab>"])
def test_typed_code_is_the_users(code):
    ask = eval(compile("lambda ask: ask()", code, "eval"))

    assert ask(application_site) == f"{code}:1 in <lambda>"


def test_paths_are_relative_to_where_python_was_started_or_is_now(tmp_path, monkeypatch):
    ask = eval(compile("lambda ask: ask()", str(tmp_path / "app" / "client.py"), "eval"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(site, "_shown", {})

    assert ask(application_site) == f"{os.path.join('app', 'client.py')}:1 in <lambda>"
    assert application_site().startswith(os.path.relpath(HERE, site._STARTED_IN))


def test_paths_in_the_repository_are_relative_wherever_in_it_python_was_started(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "tests").mkdir()
    ask = eval(compile("lambda ask: ask()", str(tmp_path / "app" / "client.py"), "eval"))
    monkeypatch.setattr(site, "_STARTED_IN", str(tmp_path / "tests"))
    monkeypatch.setattr(site, "_shown", {})

    assert ask(application_site) == f"{os.path.join('..', 'app', 'client.py')}:1 in <lambda>"


def test_paths_elsewhere_stay_whole(tmp_path):
    ask = eval(compile("lambda ask: ask()", str(tmp_path / "client.py"), "eval"))

    assert ask(application_site) == f"{tmp_path / 'client.py'}:1 in <lambda>"


def test_this_package_is_not_the_application():
    ask = eval(compile("lambda ask: ask()", site.__file__, "eval"))

    assert ask(application_site).endswith("in test_this_package_is_not_the_application")


@pytest.mark.parametrize(
    ("shown", "file"),
    [
        ("app/client.py:41 in ask", "app/client.py"),
        ("app/client.py:41 in <lambda>", "app/client.py"),
        ("in a folder/x.py:7", "in a folder/x.py"),
        ("cassettes/a.llm.yaml:123", "cassettes/a.llm.yaml"),
    ],
)
def test_the_file_of_a_site_is_found_from_where_the_process_started(shown, file):
    assert site.file_of(shown) == os.path.join(site._STARTED_IN, file)


def test_the_file_of_a_site_may_lie_where_the_process_is_now(tmp_path, monkeypatch):
    (tmp_path / "x.py").touch()
    monkeypatch.chdir(tmp_path)

    assert site.file_of("x.py:1") == str(tmp_path / "x.py")
    assert site.file_of("") == ""
