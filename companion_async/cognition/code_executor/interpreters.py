"""The interpreters that programs can be run by, and what they must be able to read."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from companion_async.cognition.code_executor.settings import ExecutorSettings

_HERE = Path(__file__).parent
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", *_DEVICES)
_ELSEWHERE = ("/usr/bin/python3", "/usr/local/bin/python3")


class Interpreter(msgspec.Struct, frozen=True):
    """A command that runs the program whose name is appended to it, and the paths that it reads.

    ``reserves``: it asks for far more addresses than it uses memory, so that these tell nothing.
    """

    language: str
    command: tuple[str, ...]
    program: str
    readable: tuple[str, ...]
    reserves: bool = False


def candidates(language: str, settings: ExecutorSettings) -> Iterator[Interpreter]:
    """Those that may be there, the best first. As root it may be that another user can read only a later one."""
    if language == "python":
        inside = (_HERE / "inside.py").read_text(encoding="utf-8")
        own = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
        paths = (settings.python,) if settings.python else (str(own.resolve()), *_ELSEWHERE)
        for path in dict.fromkeys(paths):
            if path and Path(path).exists():
                yield Interpreter(language, (path, "-I", "-S", "-B", "-c", inside), "main.py", _reads(path))
        return
    node = settings.node or shutil.which("node")
    if node and Path(node).exists():
        inside = (_HERE / "inside.js").read_text(encoding="utf-8")
        heap = f"--max-old-space-size={settings.memory // 2 // 1024 // 1024}"
        command = (node, "--openssl-config=/dev/null", heap, "-e", inside)
        yield Interpreter(language, command, "main.js", _reads(node), reserves=True)


def _reads(interpreter: str) -> tuple[str, ...]:
    """The system's libraries, and the tree that the interpreter is installed in."""
    prefix = Path(interpreter).resolve().parent.parent
    inside_system = any(prefix.is_relative_to(path) for path in ("/usr", "/bin"))
    return _SYSTEM if inside_system else (*_SYSTEM, str(prefix))
