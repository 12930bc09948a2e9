"""A server in a process of its own, as ``llmcontract serve`` starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

pytest.register_assert_rewrite("fault_table")

COMMAND = [sys.executable, "-c", "import sys; from pytest_llmcontract.cli import main; sys.exit(main())", "serve"]


class Server:
    """A running server, and its control API."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def control(self, path, body=None, *, test="", method=None):
        headers = {"x-llmcontract-test": test} if test else {}
        method = method or ("GET" if body is None else "POST")
        reply = httpx.request(method, f"{self.url}/_llmcontract{path}", json=body, headers=headers, timeout=60)
        return reply.json() if reply.status_code == 200 else (reply.status_code, reply.json()["error"]["message"])

    def script(self, path, body, *, test=""):
        """As :meth:`control`, of what has to be taken."""
        said = self.control(path, body, test=test)
        assert isinstance(said, dict), said
        return said

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(timeout=60)


@contextmanager
def serving(*options):
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"llmcontract: serving on (http://127\.0\.0\.1:\d+)\n", line)
        assert found, line + process.stderr.read()
        yield Server(process, found[1])
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def server():
    """In virtual time, and in no test's own scope: name one."""
    with serving("--virtual-time") as running:
        yield running


@pytest.fixture(scope="session")
def serve():
    """Start a server with options of its own."""
    return serving
