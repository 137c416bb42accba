"""What people type first: curl, at each way of serving."""

from __future__ import annotations

import asyncio
import json
import shutil

import pytest

from companion_async.testing.clock import until
from tests.http.servers import GUARDED, KINDS, TOKEN, a_brain, on_loopback

pytestmark = [
    pytest.mark.feature("X-12", "CB-31"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


async def curl(*arguments):
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return out.decode(), err.decode(), process.returncode


@pytest.mark.parametrize("kind", KINDS)
async def test_curl_looks_changes_and_listens(kind):
    """Status, a submission with a token, a refusal without one, and events as they come."""
    async with a_brain(**GUARDED) as brain, on_loopback(kind, brain) as url:
        bearer = ("-H", f"Authorization: Bearer {TOKEN}")
        out, _, _ = await curl(*bearer, f"{url}/api/threads/status")
        assert json.loads(out)["data"]["module_threads"]["echo"]["state"] == "running"
        refused, _, _ = await curl(f"{url}/api/threads/decisions")
        assert json.loads(refused)["error"]["code"] == "unauthorized"
        body = json.dumps({"module": "echo", "args": [1]})
        address = f"{url}/api/events?kinds=task.completed"
        listening = asyncio.create_task(curl(*bearer, "-N", "--max-time", "3", address))
        await until(lambda: brain.events.topic("task.completed").active)
        out, _, _ = await curl(*bearer, "-H", "Content-Type: application/json", "-d", body, f"{url}/api/tasks")
        accepted = json.loads(out)["data"]
        assert await brain.task(accepted["id"]) == [1]
        streamed, _, code = await listening
        assert code == 28  # its own limit: the stream has no end
        assert "event: task.completed" in streamed
        assert accepted["id"] in streamed
