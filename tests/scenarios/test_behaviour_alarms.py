"""What looks like a retry and is none raises no alarm; a retry that hides in a pool, a task or a queue is found."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import groq
import pytest
import tenacity

from pytest_llmcontract import simulate

MODEL = "openai/gpt-oss-120b"
OTHER = "openai/gpt-oss-20b"
HELLO = [{"role": "user", "content": "Hello"}]
FAILED = groq.APIStatusError
TRIES = 4


@pytest.fixture
def api(llm_clock):
    with simulate("groq", plan="developer", check=False) as simulated:
        yield simulated


def create(client, model=MODEL, messages=HELLO, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


def says(text):
    return [{"role": "user", "content": text}]


def once():
    return groq.Groq(max_retries=0)


def thrice():
    return groq.Groq()


def codes(api):
    return {found.code for found in api.findings()}


def backoff_of(attempt):
    return 2**attempt * random.uniform(0.75, 1)


# No retries.


def map_reduce_over_equal_prompts(api):
    api.fail(503, times=3)
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(lambda _: create(thrice()), range(8)))) == 8


def a_pool_that_lets_failures_go(api):
    def ask(_):
        with contextlib.suppress(FAILED):
            create(once())

    api.fail(503, times=5)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, range(20)))


def a_gather_that_votes(api):
    async def main():
        client = groq.AsyncGroq()
        await asyncio.gather(*(create(client) for _ in range(10)))

    api.fail(503, times=6)
    asyncio.run(main())


def as_they_come(api):
    async def ask(client):
        with contextlib.suppress(FAILED):
            await create(client)

    async def main():
        client = groq.AsyncGroq(max_retries=0)
        for answer in asyncio.as_completed([ask(client) for _ in range(6)]):
            await answer

    api.fail(400, times=6)
    asyncio.run(main())


def one_after_the_other_by_a_semaphore(api):
    async def ask(client, turn):
        async with turn:
            await asyncio.sleep(1)
            with contextlib.suppress(FAILED):
                await create(client)

    async def main():
        client, turn = groq.AsyncGroq(max_retries=0), asyncio.Semaphore(1)
        await asyncio.gather(*(ask(client, turn) for _ in range(6)))

    api.fail(400, times=6)
    asyncio.run(main())


def votes_in_a_row(count):
    answers = []
    for _ in range(count):
        with contextlib.suppress(FAILED):
            answers.append(create(once()))
    return answers


def votes_of_which_the_first_fail(api):
    api.fail(400, times=3)
    assert len(votes_in_a_row(6)) == 3


def votes_after_an_answer(api):
    create(once())
    api.fail("json_validate_failed", times=2)
    assert len(votes_in_a_row(12)) == 10


def a_poll_through_an_outage(api):
    def poll():
        for _ in range(30):
            with contextlib.suppress(FAILED):
                create(once())
            time.sleep(15)

    api.fail(503, times=12)
    poll()


def until_it_is_healthy(api):
    def healthy():
        with contextlib.suppress(FAILED):
            return create(once())

    api.fail(503, times=12)
    while not healthy():
        time.sleep(60)


def pages_of_a_list(api):
    for _ in range(20):
        once().models.list()


def another_model_as_fallback(api):
    def ask():
        for model in (MODEL, OTHER):
            with contextlib.suppress(FAILED):
                return create(thrice(), model)

    api.fail(503, times=3)
    assert ask()


def another_key(api):
    def ask():
        for key in ("one", "two", "three"):
            with contextlib.suppress(FAILED):
                return create(groq.Groq(api_key=key, max_retries=0))

    api.fail(429, retry_after=30, times=2)
    assert ask()


def an_agent_with_growing_messages(api):
    api.fail(503, times=2)
    messages = says("What is to be done?")
    for turn in range(12):
        create(thrice(), messages=messages)
        messages = [*messages, {"role": "assistant", "content": f"Step {turn}"}, *says("Go on.")]


def asked_to_mend_what_did_not_validate(api):
    messages = HELLO
    for _ in range(3):
        answer = create(once(), messages=messages).choices[0].message.content
        messages = [*messages, {"role": "assistant", "content": answer}, *says("That is no JSON. Mend it.")]


def told_of_its_mistake(api):
    def ask(messages):
        for _ in range(3):
            try:
                return create(once(), messages=messages)
            except groq.BadRequestError as refused:
                messages = [*messages, *says(f"The last try failed: {refused}")]

    api.fail(400, times=2)
    assert ask(HELLO)


def shorter_after_too_large(api):
    def ask(words):
        while words:
            with contextlib.suppress(FAILED):
                return create(once(), messages=says("word " * words))
            words //= 2

    api.fail(413, times=2)
    assert ask(4)


def without_the_field_that_was_refused(api):
    try:
        create(once(), temperature=0.5)
    except groq.BadRequestError:
        create(once())


def two_clients_of_one_test(api):
    api.fail(503, times=2)
    for client in (once(), once()):
        with contextlib.suppress(FAILED):
            create(client)


def a_hedge(api):
    async def ask(client):
        first = asyncio.create_task(create(client))
        await asyncio.wait({first}, timeout=2)
        second = asyncio.create_task(create(client))
        done, late = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()
        return done.pop().exception()

    async def main():
        client = groq.AsyncGroq(max_retries=0)
        for _ in range(4):
            await ask(client)

    api.fail("read_timeout")
    asyncio.run(main())


GOOD = (
    map_reduce_over_equal_prompts,
    a_pool_that_lets_failures_go,
    a_gather_that_votes,
    as_they_come,
    one_after_the_other_by_a_semaphore,
    votes_of_which_the_first_fail,
    votes_after_an_answer,
    a_poll_through_an_outage,
    until_it_is_healthy,
    pages_of_a_list,
    another_model_as_fallback,
    another_key,
    an_agent_with_growing_messages,
    asked_to_mend_what_did_not_validate,
    told_of_its_mistake,
    shorter_after_too_large,
    without_the_field_that_was_refused,
    two_clients_of_one_test,
    a_hedge,
)


@pytest.mark.parametrize("act", GOOD, ids=lambda act: act.__name__)
def test_what_is_no_retry_raises_no_alarm(act, api):
    act(api)

    assert codes(api) == set()


def test_votes_are_as_many_logical_calls(api):
    votes_of_which_the_first_fail(api)

    assert [logical.requests for logical in api.calls.logical] == [1] * 6
    assert [call.attempt for call in api.calls] == [1] * 6


def test_what_an_sdk_repeats_within_a_vote_stays_one(api):
    def votes():
        for _ in range(3):
            with contextlib.suppress(FAILED):
                create(groq.Groq(max_retries=1))

    api.fail(503, times=2)
    votes()

    assert [logical.requests for logical in api.calls.logical] == [2, 1, 1]


# Retries of which each makes three of the SDK's: four times three is twelve.


def by_a_pool():
    with ThreadPoolExecutor(1) as pool:
        for attempt in range(TRIES):
            try:
                return pool.submit(create, thrice()).result()
            except FAILED:
                time.sleep(backoff_of(attempt))


def by_a_pool_that_is_given_what_failed():
    def ask(number):
        try:
            return create(thrice(), messages=says(f"Question {number}")) and None
        except FAILED:
            return number

    left = [1, 2, 3]
    with ThreadPoolExecutor(3) as pool:
        for attempt in range(TRIES):
            left = [number for number in pool.map(ask, left) if number]
            time.sleep(backoff_of(attempt))


def by_threads_one_after_the_other():
    def ask():
        with contextlib.suppress(FAILED):
            create(thrice())

    for attempt in range(TRIES):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        time.sleep(backoff_of(attempt))


def by_a_queue_in_a_worker():
    jobs = queue.Queue()
    jobs.put(0)

    def work():
        while not jobs.empty():
            attempt = jobs.get()
            try:
                create(thrice())
            except FAILED:
                time.sleep(backoff_of(attempt))
                if attempt + 1 < TRIES:
                    jobs.put(attempt + 1)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()


def by_itself(attempt=0):
    try:
        return create(thrice())
    except FAILED:
        if attempt + 1 == TRIES:
            return None
        time.sleep(backoff_of(attempt))
        return by_itself(attempt + 1)


def by_streams():
    for attempt in range(TRIES):
        try:
            return list(create(thrice(), stream=True))
        except FAILED:
            time.sleep(backoff_of(attempt))


def repeated_in_a_loop(ask):
    """*ask* of asyncio, until there is an answer."""

    async def main():
        for attempt in range(TRIES):
            try:
                return await ask()
            except* FAILED:
                await asyncio.sleep(backoff_of(attempt))

    return lambda: asyncio.run(main())


async def in_a_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(create(groq.AsyncGroq()))


by_to_thread = repeated_in_a_loop(lambda: asyncio.to_thread(create, thrice()))
by_wait_for = repeated_in_a_loop(lambda: asyncio.wait_for(create(groq.AsyncGroq()), 60))
by_groups = repeated_in_a_loop(in_a_group)


def by_call_later():
    async def main():
        loop, kept = asyncio.get_running_loop(), []
        ended = loop.create_future()

        async def ask(attempt):
            try:
                await create(groq.AsyncGroq())
            except FAILED:
                if attempt + 1 == TRIES:
                    return ended.set_result(None)
                loop.call_later(backoff_of(attempt), lambda: kept.append(loop.create_task(ask(attempt + 1))))

        kept.append(loop.create_task(ask(0)))
        await ended

    asyncio.run(main())


WAITS = {
    "stop": tenacity.stop_after_attempt(TRIES),
    "wait": tenacity.wait_random_exponential(min=1),
    "retry_error_callback": lambda state: None,
}


def by_tenacity_async():
    async def main():
        async for attempt in tenacity.AsyncRetrying(**WAITS):
            with attempt:
                await create(groq.AsyncGroq())

    asyncio.run(main())


def by_tenacity_for():
    for attempt in tenacity.Retrying(**WAITS):
        with attempt:
            create(thrice())


def by_backoff():
    backoff = pytest.importorskip("backoff")
    with contextlib.suppress(FAILED):
        backoff.on_exception(backoff.expo, FAILED, max_tries=TRIES)(create)(thrice())


def by_backoff_async():
    backoff = pytest.importorskip("backoff")

    @backoff.on_exception(backoff.expo, FAILED, max_tries=TRIES, raise_on_giveup=False)
    async def ask():
        return await create(groq.AsyncGroq())

    asyncio.run(ask())


def by_stamina():
    stamina = pytest.importorskip("stamina")
    with contextlib.suppress(FAILED):
        stamina.retry(on=FAILED, attempts=TRIES)(create)(thrice())


def by_stamina_async():
    stamina = pytest.importorskip("stamina")

    async def main():
        async for attempt in stamina.retry_context(on=FAILED, attempts=TRIES):
            with attempt:
                await create(groq.AsyncGroq())

    with contextlib.suppress(FAILED):
        asyncio.run(main())


def by_trio():
    trio = pytest.importorskip("trio")

    async def main():
        for attempt in range(TRIES):
            try:
                with trio.fail_after(60):
                    return await create(groq.AsyncGroq())
            except FAILED:
                await trio.sleep(backoff_of(attempt))

    trio.run(main)


def by_nodes_of_a_graph():
    graphs = pytest.importorskip("langgraph.graph")
    from langgraph.types import RetryPolicy

    graph = graphs.StateGraph(dict)
    retry = RetryPolicy(max_attempts=TRIES, retry_on=FAILED)
    graph.add_node("ask", lambda _: {"answer": create(thrice())}, retry_policy=retry)
    graph.add_edge(graphs.START, "ask")
    with contextlib.suppress(FAILED):
        graph.compile().invoke({"answer": None})


BAD = [name for name in globals() if name.startswith("by_")]


@pytest.mark.parametrize("name", BAD)
def test_retries_that_are_multiplied_are_found_wherever_they_hide(name, api):
    api.fail(503, times=None)
    globals()[name]()

    assert max(logical.requests for logical in api.calls.logical) == TRIES * 3
    assert "LLM307" in codes(api)
