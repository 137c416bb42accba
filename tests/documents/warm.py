"""An interpreter that has imported what the snippets import, and runs each in a fork of its own.

A snippet has a process to itself, with a fresh namespace and a real end (threads are waited for, exit handlers run),
and does not pay half a second for the imports. As a program it reads one job a line and answers with the exit code.
"""

from __future__ import annotations

import ast
import asyncio
import gc
import inspect
import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, NamedTuple

LIMIT = 50  # seconds for one snippet, less than pytest has: its alarm ends it, and the next one has its turn
WANTED = (
    "companion_async",
    "companion_async.companion.companion",
    "companion_async.integrations.aiohttp",
    "companion_async.integrations.fastapi",
    "companion_async.sdk",
    "companion_async.testing.clock",
    "starlette.testclient",
)


class Ran(NamedTuple):
    """What came of a snippet."""

    returncode: int
    stdout: str
    stderr: str


class Warm:
    """The interpreter, from the outside."""

    def __init__(self, root: Path) -> None:
        self._env = {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "utf-8"}
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, __file__], env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, text: str, folder: Path) -> Ran:
        """Run a snippet as the program ``snippet.py`` in ``folder``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        (folder / "snippet.py").write_text(text, encoding="utf-8")
        self._process.stdin.write(json.dumps(str(folder)) + "\n")
        self._process.stdin.flush()
        try:
            answer = self._process.stdout.readline()
        except BaseException:  # pytest's limit; the next snippet must not get this one's answer
            self._process.kill()
            self.close()
            self._process = self._started()
            raise
        assert answer, "the interpreter that runs the snippets has ended"
        said, complained = ((folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
        return Ran(json.loads(answer), said, complained)

    def close(self) -> None:
        self._process.communicate()


def execute(path: Path) -> None:
    """Run a file as the main module. It may use `await` at its top level, as in the asyncio REPL."""
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__file__ = str(path)

    async def awaited() -> None:
        result: Any = eval(code, main.__dict__)
        if inspect.isawaitable(result):
            await result

    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(awaited())
    else:
        exec(code, main.__dict__)


def become(folder: Path) -> None:
    """In the fork: the snippet's own folder, output and time limit."""
    os.chdir(folder)
    for name, end in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), end)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.path.insert(0, str(folder))
    signal.alarm(LIMIT)


def serve() -> None:
    """One fork for each job."""
    for name in WANTED:
        __import__(name)
    gc.collect()
    gc.freeze()  # a fork's collector would look at all that was imported, and so copy its memory
    while job := sys.stdin.readline():
        folder = Path(json.loads(job))
        child = os.fork()
        if not child:
            become(folder)
            execute(folder / "snippet.py")
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
