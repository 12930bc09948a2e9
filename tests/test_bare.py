"""Nothing optional is needed: what may be missing is missing here."""

from __future__ import annotations

import subprocess
import sys

import pytest

OPTIONAL = ("aiohttp", "bokeh", "freezegun", "httpx2", "requests", "time_machine", "trio", "uvloop")
CALL = """
import http.client, json, sys, time

class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import httpx
from pytest_llmcontract import simulate

with simulate("groq") as api:
    api.fail("over_capacity", retry_after=30)
    for _ in range(2):
        connection = http.client.HTTPSConnection("api.groq.com")
        body = json.dumps({{"model": "openai/gpt-oss-20b", "messages": [{{"role": "user", "content": "x"}}]}})
        connection.request("POST", "/openai/v1/chat/completions", body, {{"authorization": "Bearer x"}})
        connection.getresponse().read()
        time.sleep(30)
    assert api.calls.statuses == [503, 200], api.calls
    assert api.clock.slept == 60
"""


@pytest.mark.parametrize("missing", [("trio",), OPTIONAL], ids=["trio", "all of them"])
def test_a_simulation_without(missing):
    done = subprocess.run([sys.executable, "-c", CALL.format(missing=missing)], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
