"""Servers as people run them, asked to end with streams open: their own settings, real signals, real processes."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.feature("X-12")

FASTAPI = """
from fastapi import FastAPI
from companion_async import Brain, BrainConfig
from companion_async.integrations.fastapi import companion_lifespan, companion_router
app = FastAPI(lifespan=companion_lifespan(Brain(BrainConfig())))
app.include_router(companion_router(), prefix="/companion")
"""
RUN_AIOHTTP = """
import asyncio, sys
from aiohttp import web
from companion_async import Brain, BrainConfig
from companion_async.integrations.aiohttp import setup_companion
app = web.Application()
setup_companion(app, Brain(BrainConfig()))
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


def command(kind, folder, port):
    if kind == "aiohttp":
        (folder / "app.py").write_text(RUN_AIOHTTP)
        return [sys.executable, "app.py", str(port)]
    (folder / "app.py").write_text(FASTAPI)
    return [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "warning"]


@contextmanager
def process(kind, folder, port):
    running = subprocess.Popen(command(kind, folder, port), cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def connected(port):
    """A connection to the server, as soon as there is one."""
    end = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/companion/livez")
            assert connection.getresponse().read()
            return connection
        except ConnectionError:
            connection.close()
            assert time.monotonic() < end, "the server did not come up"


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["fastapi", "aiohttp"])
def test_open_streams_do_not_hold_up_a_server_with_settings_of_its_own(kind, sign, tmp_path, unused_port):
    """Under uvicorn's and aiohttp's defaults, which wait for open responses, a stream ends with the signal, and the
    process soon after.
    """
    with process(kind, tmp_path, unused_port) as running:
        connection = connected(unused_port)
        connection.request("GET", "/companion/api/events")
        stream = connection.getresponse()
        assert stream.readline().startswith(b"retry")
        running.send_signal(sign)
        assert b"event: end" in stream.read()
        stream.close()
        connection.close()
        _, err = running.communicate(timeout=30)  # aiohttp waits for twice as long, uvicorn for ever
        assert "Traceback" not in err
        assert running.returncode in (0, -sign, 130), (running.returncode, err)
