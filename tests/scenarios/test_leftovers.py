"""Threads, tasks and children that outlive their test neither act in the next one nor reach the network."""

from __future__ import annotations

import os

import pytest

APP = '''
import asyncio, threading, time
import groq, httpx

MODEL = "openai/gpt-oss-120b"
MESSAGES = [{"role": "user", "content": "x"}]
SEEN = []

def ask():
    answer = groq.Groq(api_key="k", max_retries=0).chat.completions.create(model=MODEL, messages=MESSAGES)
    return answer.choices[0].message.content

def ask_when(event):
    """A thread that is busy with something else until the event."""
    while not event.is_set():
        sum(range(1000))
    try:
        SEEN.append(ask())
    except Exception as error:
        SEEN.append(type(error).__name__)
'''
NO_NETWORK = """
import sys

def hook(event, args):
    if event == "socket.getaddrinfo" and args[0] not in (None, "127.0.0.1", "localhost"):
        ASKED.append(args[0])
        raise OSError("no network")

ASKED = []
sys.addaudithook(hook)
"""


@pytest.fixture
def project(pytester):
    pytester.makepyfile(app=APP)
    pytester.makeconftest(NO_NETWORK)
    return pytester


def test_a_thread_of_an_earlier_test_uses_none_of_the_next_ones_scripts(project, run_pytest):
    project.makepyfile(
        """
        import threading
        import app
        from conftest import ASKED

        go = threading.Event()
        thread = threading.Thread(target=app.ask_when, args=(go,))

        def test_first(groq_api):
            thread.start()

        def test_second(groq_api):
            groq_api.reply("for the second")
            go.set()
            thread.join()
            assert app.SEEN == ["APIConnectionError"]
            assert app.ask() == "for the second"
            assert len(groq_api.calls) == 1

        def test_third():
            assert ASKED == []
        """
    )

    result = run_pytest("-v")

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*groq: a call to api.groq.com would have left*it is of *::test_first, which is over*"]
    )


def test_nor_does_it_reach_the_network_when_nothing_is_simulated(project, run_pytest):
    project.makepyfile(
        """
        import threading
        import app
        from conftest import ASKED

        go = threading.Event()
        thread = threading.Thread(target=app.ask_when, args=(go,))

        def test_first(groq_api):
            thread.start()

        def test_second():
            go.set()
            thread.join()
            assert app.SEEN == ["APIConnectionError"]
            assert ASKED == []
        """
    )

    result = run_pytest("-v")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*it is of *::test_first, which is over*"])


def test_a_task_of_an_earlier_test_neither(project, run_pytest):
    project.makepyfile(
        """
        import asyncio
        import groq, pytest
        import app

        pytestmark = pytest.mark.asyncio(loop_scope="module")
        go = asyncio.Event()
        tasks = []

        async def later():
            await go.wait()
            try:
                await groq.AsyncGroq(api_key="k", max_retries=0).chat.completions.create(
                    model=app.MODEL, messages=app.MESSAGES)
                app.SEEN.append("answered")
            except groq.APIConnectionError:
                app.SEEN.append("refused")

        async def test_first(groq_api):
            tasks.append(asyncio.create_task(later()))
            await asyncio.sleep(0)

        async def test_second(groq_api):
            groq_api.reply("for the second")
            go.set()
            await tasks[0]
            assert app.SEEN == ["refused"]
            assert app.ask() == "for the second"
        """
    )

    run_pytest("-v", plugins=("asyncio",)).assert_outcomes(passed=2)


def test_a_pool_that_an_application_keeps_works_for_every_test(project, run_pytest):
    project.makepyfile(
        """
        from concurrent.futures import ThreadPoolExecutor
        import queue, threading
        import app

        pool = ThreadPoolExecutor(2)
        jobs, done = queue.Queue(), queue.Queue()

        def work():
            while (job := jobs.get()) is not None:
                done.put(job())

        worker = threading.Thread(target=work, daemon=True)

        def test_first(groq_api):
            groq_api.reply("one", times=2)
            worker.start()
            jobs.put(app.ask)
            assert pool.submit(app.ask).result() == done.get() == "one"

        def test_second(groq_api):
            groq_api.reply("two", times=2)
            jobs.put(app.ask)
            assert pool.submit(app.ask).result() == done.get() == "two"
            assert len(groq_api.calls) == 2
        """
    )

    run_pytest("-v").assert_outcomes(passed=2)


def test_a_library_whose_thread_sleeps_on_says_nothing_of_the_simulation(project, run_pytest):
    project.makepyfile(
        """
        import threading, time
        import app

        def test_first(groq_api):
            def refresh():
                time.sleep(3600)
            threading.Event()
            hold = threading.Thread(target=refresh, daemon=True)
            busy = threading.Event()
            holder = threading.Thread(target=app.ask_when, args=(busy,), daemon=True)
            holder.start()
            hold.start()
            assert app.ask()
            app.busy = busy

        def test_second():
            app.busy.set()
        """
    )

    result = run_pytest("-v", "-W", "error")

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*SimulationEnded*")
    result.stderr.no_fnmatch_line("*SimulationEnded*")


def test_once_something_was_simulated_the_guard_stays(project, run_pytest):
    project.makepyfile(
        """
        import pytest
        import app
        from conftest import ASKED

        def test_before():
            with pytest.raises(Exception):
                app.ask()
            assert ASKED == ["api.groq.com"]

        def test_simulated(groq_api):
            app.ask()

        def test_after():
            with pytest.raises(Exception):
                app.ask()
            assert ASKED == ["api.groq.com"]
        """
    )

    result = run_pytest("-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*LLM204 groq: a call to api.groq.com would have left*", "*llmcontract_allow_hosts*"])
    project.makeini("[pytest]\nllmcontract_allow_hosts = *.groq.com")
    result = run_pytest("-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*Left contains one more item: 'api.groq.com'*"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_what_a_forked_child_called_counts_as_the_tests_own(project, run_pytest):
    project.makepyfile(
        """
        import multiprocessing, os, sys, warnings
        import httpx, pytest
        import app

        def in_a_child(work):
            process = multiprocessing.get_context("fork").Process(target=work)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            process.join()
            assert process.exitcode == 0

        def wrong():
            body = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "x"}], "wrong": 1}
            url, headers = "https://api.groq.com/openai/v1/chat/completions", {"authorization": "Bearer k"}
            httpx.post(url, json=body, headers=headers)

        def test_good(groq_api):
            script = groq_api.reply("from the child")
            in_a_child(lambda: sys.exit(app.ask() != "from the child"))

        @pytest.mark.llm_budget(calls=1)
        def test_over_its_budget(groq_api):
            in_a_child(app.ask)
            in_a_child(app.ask)

        def test_against_the_contract(groq_api):
            in_a_child(wrong)

        def test_escapes(together_api):
            def call():
                with pytest.raises(Exception):
                    app.ask()
            in_a_child(call)
        """
    )

    result = run_pytest("-v")

    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(["*LLM401*", "*LLM101*wrong*", "*LLM204 groq: a call to api.groq.com would have left*"])
