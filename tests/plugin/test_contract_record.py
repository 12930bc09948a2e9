"""``llm_contract`` through pytest: recording, where cassettes lie, and which setting wins."""

from __future__ import annotations

from hashlib import sha256

import pytest

from pytest_llmcontract.recordings.cassette import read_cassette

CLIENT = """
import os, groq, openai

MODEL = "openai/gpt-oss-120b"
TEMPERATURE = float(os.environ.get("TEMPERATURE", "0.2"))

def ask(text, **fields):
    messages = [{"role": "user", "content": text}]
    return groq.Groq().chat.completions.create(model=MODEL, messages=messages, temperature=TEMPERATURE, **fields)

async def aask(text):
    client = groq.AsyncGroq()
    return await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])

def ask_together(text):
    client = openai.OpenAI(base_url="https://api.together.xyz/v1", api_key="k")
    return client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}])
"""


@pytest.fixture
def project(pytester):
    pytester.makepyfile(client=CLIENT)
    return pytester


@pytest.fixture
def run(project, run_pytest):
    def run(*arguments, plugins=()):
        return run_pytest("-q", *arguments, plugins=plugins)

    return run


def names(project) -> list[str]:
    return sorted(str(path.relative_to(project.path)) for path in project.path.rglob("*.yaml"))


def test_each_test_has_its_own_cassette_beside_its_module(project, run):
    project.makepyfile(
        test_it="""
        import unittest
        import pytest
        from client import aask, ask

        pytestmark = pytest.mark.llm_contract

        def test_plain(groq_api):
            ask("a")

        @pytest.mark.parametrize("text", ["a/b", "c d"])
        def test_each(groq_api, text):
            ask(text)

        class TestClass:
            def test_inside(self, groq_api):
                ask("a")

        class Case(unittest.TestCase):
            def test_case(self):
                ask("a")

        @pytest.mark.asyncio
        async def test_async(groq_api):
            await aask("a")

        def test_without_a_call(groq_api):
            pass
        """
    )

    run("--llmcontract-record=once", plugins=("asyncio",)).assert_outcomes(passed=7)

    assert names(project) == [
        f"cassettes/test_it/{name}.llm.yaml"
        for name in (
            "Case.test_case",
            "TestClass.test_inside",
            "test_async",
            f"test_each[a-b]-{sha256(b'test_each[a/b]').hexdigest()[:8]}",
            "test_each[c d]",
            "test_plain",
        )
    ]
    run(plugins=("asyncio",)).assert_outcomes(passed=7)


def test_a_very_long_name_still_fits_a_file_system(project, run):
    project.makepyfile(
        """
        import pytest
        from client import ask

        @pytest.mark.llm_contract
        @pytest.mark.parametrize("text", ["x" * 400 + "a", "x" * 400 + "b"])
        def test_long(groq_api, text):
            ask(text)
        """
    )

    run("--llmcontract-record=once").assert_outcomes(passed=2)

    assert len(names(project)) == 2
    run().assert_outcomes(passed=2)


def test_names_that_no_file_may_have_do_not_meet_in_one(project, run):
    project.makeini("[pytest]\ndisable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n")
    project.makepyfile(
        """
        import pytest
        from client import ask

        @pytest.mark.llm_contract
        @pytest.mark.parametrize("text", ["a/b", "a-b", "a|b", "a\\tb", "a\\\\b", "\u4eba" * 150, "\u4eba" * 151])
        def test_odd(groq_api, text):
            ask(text)
        """
    )

    run("--llmcontract-record=once").assert_outcomes(passed=7)

    assert len(names(project)) == 7
    run().assert_outcomes(passed=7)


def test_the_marker_alone_is_for_whichever_provider_the_test_calls(project, run):
    project.makepyfile(
        """
        import pytest
        from client import ask, ask_together

        @pytest.mark.llm_contract
        def test_both():
            ask("a")
            ask_together("b")
        """
    )

    run("--llmcontract-record=once").assert_outcomes(passed=1)

    (cassette,) = map(read_cassette, project.path.rglob("*.llm.yaml"))
    assert cassette.metadata.provider == ("groq", "together")
    assert cassette.metadata.plan == ("free", "prepaid")
    run().assert_outcomes(passed=1)


def test_a_simulation_of_wider_scope_is_recorded_for_the_test_that_says_so(project, run, monkeypatch):
    project.makepyfile(
        """
        import os, pytest
        from client import ask
        from pytest_llmcontract import simulate

        REPLAYS = "REPLAYS" in os.environ

        @pytest.fixture(scope="module", autouse=True)
        def api():
            with simulate("groq") as api:
                yield api

        def test_before(api):
            ask("not recorded")

        @pytest.mark.llm_contract
        def test_marked(api):
            ask("recorded")
            assert api.calls.last.recorded == REPLAYS

        def test_after(api):
            ask("not recorded")
            assert not api.calls.last.recorded
        """
    )

    run("--llmcontract-record=once").assert_outcomes(passed=3)
    (name,) = names(project)
    assert name.endswith("/test_marked.llm.yaml")
    monkeypatch.setenv("REPLAYS", "1")
    run().assert_outcomes(passed=3)


def test_several_tests_may_share_one_cassette(project, run):
    project.makepyfile(
        """
        import pytest
        from client import ask

        pytestmark = pytest.mark.llm_contract("shared/talk.yaml")

        def test_a(groq_api):
            ask("a")

        def test_b(groq_api):
            ask("b")
        """
    )

    run("--llmcontract-record=once").assert_outcomes(passed=2)
    assert names(project) == ["shared/talk.yaml"]
    result = run("-rA")
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*LLM205*")  # what the other test made is nobody's loss


def test_xdist_workers_lose_nothing(project, run):
    project.makepyfile(
        """
        import pytest
        from client import ask

        @pytest.mark.llm_contract("talk.llm.yaml")
        @pytest.mark.parametrize("n", range(6))
        def test_shared(groq_api, n):
            ask(f"question {n}")

        @pytest.mark.llm_contract
        @pytest.mark.parametrize("n", range(2))
        def test_own(groq_api, n):
            ask(f"question {n}")
        """
    )

    result = run("-n", "2", "--llmcontract-record=new_episodes", plugins=("xdist",))

    result.assert_outcomes(passed=8)
    result.stdout.fnmatch_lines(["*llmcontract recordings*", "recorded 1 call of test_own*"])
    assert len(names(project)) == 3
    run("-n", "2", plugins=("xdist",)).assert_outcomes(passed=8)


@pytest.mark.parametrize(
    ("ini", "marker", "flag", "written"),
    [
        ("", "", "", False),
        ("once", "", "", True),
        ("once", "record='none'", "", False),
        ("none", "record='once'", "", True),
        ("", "record='once'", "--llmcontract-record=none", False),
        ("none", "record='none'", "--llmcontract-record=all", True),
    ],
)
def test_flag_before_marker_before_ini_before_default(project, run, ini, marker, flag, written):
    if ini:
        project.makeini(f"[pytest]\nllmcontract_record = {ini}\n")
    project.makepyfile(
        f"""
        import pytest
        from client import ask

        @pytest.mark.llm_contract({marker})
        def test_it(groq_api):
            ask("a")
        """
    )

    result = run(*filter(None, [flag]))

    result.assert_outcomes(passed=int(written), failed=int(not written))
    assert bool(names(project)) == written


def test_what_a_failing_test_recorded_is_not_kept(project, run):
    project.makepyfile(
        """
        import pytest
        from client import ask

        @pytest.mark.llm_contract
        def test_it(groq_api):
            ask("a")
            assert 0

        @pytest.mark.llm_contract
        def test_refused(groq_api):
            try:
                ask("a", extra_body={"logprobs": True})
            except Exception:
                pass
        """
    )

    result = run("--llmcontract-record=once")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["1 call of test_it not recorded: the test failed", "1 call of test_refused not recorded: the test failed"]
    )
    assert names(project) == []


def test_what_changed_is_recorded_anew_and_told(project, run, monkeypatch):
    project.makepyfile(
        """
        import pytest
        from client import ask

        @pytest.mark.llm_contract
        def test_it(groq_api):
            ask("a")
            ask("b", stop="x")
        """
    )
    run("--llmcontract-record=once").assert_outcomes(passed=1)
    monkeypatch.setenv("TEMPERATURE", "0.3")

    result = run("--llmcontract-record=new_episodes")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*llmcontract recordings*",
            "re-recorded call 1 of test_it: $.temperature 0.2 → 0.3",
            "re-recorded call 2 of test_it: $.temperature 0.2 → 0.3",
        ]
    )
    result.stdout.no_fnmatch_line("*LLM205*")
    run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ('"a.yaml", "b.yaml"', r"llm_contract('a.yaml', 'b.yaml'): one path is accepted, and keywords"),
        ('"a.yaml", path="b.yaml"', r"one path is accepted"),
        ("3", "path of llm_contract is 3; accepted is the path of a cassette"),
        ("recrod='all'", "unknown argument of llm_contract 'recrod'; accepted: ignore, *Did you mean 'record'"),
        ("record='al'", "unknown record of llm_contract 'al'; accepted: all, new_episodes, none, once"),
        ("ignore=['$.a[']", r"ignore: '$.a[[]' is no path"),
    ],
)
def test_a_typo_is_that_tests_setup_error(project, run, marker, words):
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.llm_contract({marker})
        def test_it(groq_api):
            pass
        """
    )

    result = run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*llmcontract: *{words}*marker llm_contract at *::test_it*"])


def test_wrong_words_in_the_ini_file_stop_pytest(project, run):
    project.makeini("[pytest]\nllmcontract_record = sometimes\n")

    result = run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*llmcontract_record = 'sometimes' (ini): accepted are none, once, new_episodes, all*"]
    )


def test_a_broken_cassette_is_that_tests_setup_error(project, run):
    folder = project.mkdir("cassettes").joinpath("test_it")
    folder.mkdir()
    folder.joinpath("test_a.llm.yaml").write_text("interactions: !!python/object:os.system {}")
    project.makepyfile(test_it="import pytest\n\n@pytest.mark.llm_contract\ndef test_a(groq_api): pass\n")

    result = run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*llmcontract: *cassettes/test_it/test_a.llm.yaml:1*python/object*"])


def test_a_cassette_that_cannot_be_written_is_one_line(project, run):
    project.mkdir("cassettes").joinpath("test_it").write_text("a file, where the folder would be")
    project.makepyfile(
        test_it="""
        import pytest
        from client import ask

        @pytest.mark.llm_contract
        def test_a(groq_api):
            ask("a")
        """
    )

    result = run("--llmcontract-record=once")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["llmcontract: *cassettes/test_it/test_a.llm.yaml cannot be written: *"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*in write_whole*")


def test_a_folder_in_the_place_of_a_cassette_is_told(project, run):
    project.mkdir("cassettes").joinpath("test_it", "test_a.llm.yaml").mkdir(parents=True)
    project.makepyfile(test_it="import pytest\n\n@pytest.mark.llm_contract\ndef test_a(groq_api): pass\n")

    result = run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["llmcontract: *test_a.llm.yaml cannot be read: Is a directory*"])
