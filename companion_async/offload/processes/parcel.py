"""Objects packed to cross the border between processes, and what is told of those that cannot."""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
import traceback
from collections.abc import Callable
from multiprocessing import spawn
from typing import Any

from companion_async.errors import InvalidArgumentError, RemoteError

_ADVICE = "Pass plain data, and functions and classes that stand at the top level of a module, by name."
_LONGEST_TRACE = 20_000


def pack(value: Any, what: str) -> bytes:
    """``value`` pickled. `InvalidArgumentError` says what cannot be, and what to do instead."""
    try:
        packed = pickle.dumps(value, protocol=5)
    except Exception as error:
        raise InvalidArgumentError(f"{what} cannot be sent to a process: {error}. {_ADVICE}") from error
    # A look for the name is cheap; only where the main program is no file can it be wrong, and then it is mostly right.
    if b"__main__" in packed and not main_program():
        raise InvalidArgumentError(
            f"{what} cannot be sent to a process: it is defined in an interactive session or a command line, which no "
            "other process can import. Put it into a file and import it from there."
        )
    return packed


def main_program() -> dict[str, str]:
    """How another process can import the main program; empty where it is no file."""
    known = spawn.get_preparation_data("companion")
    return {key: str(known[key]) for key in ("init_main_from_name", "init_main_from_path") if key in known}


def unpack(packed: bytes, load_main: Callable[[], None] | None = None) -> Any:
    """The object again. Code of its class may run, and raise anything. ``load_main`` is called before the first name
    of the main program is looked up.
    """
    return pickle.loads(packed) if load_main is None else _Unpickler(packed, load_main).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, packed: bytes, load_main: Callable[[], None]) -> None:
        super().__init__(io.BytesIO(packed))
        self._load_main = load_main

    def find_class(self, module: str, name: str, /) -> Any:
        if module == "__main__":
            self._load_main()
        return super().find_class(module, name)


def pack_error(error: BaseException) -> bytes:
    """An error with its traceback as text. One that cannot be pickled, or not be made again, is described."""
    trace = "".join(traceback.format_exception(error)).rstrip()[-_LONGEST_TRACE:]
    kind, text = type(error).__name__, _text(error)
    packed = b""
    try:
        packed = pickle.dumps(error, protocol=5)
        if type(pickle.loads(packed)) is not type(error):
            packed = b""
    except BaseException:  # its class may do anything when it is taken apart or made again
        packed = b""
    return pickle.dumps((packed, kind, text, trace), protocol=5)


def unpack_error(packed: bytes, pid: int) -> BaseException:
    """The error of a process, with its traceback there as a note."""
    inner, kind, text, trace = pickle.loads(packed)
    error: BaseException = RemoteError(kind, text)
    with contextlib.suppress(Exception):  # its module can be imported there and not here
        made = pickle.loads(inner)
        if isinstance(made, BaseException):
            error = made
    error.add_note(f"In process {pid}:\n{trace}")
    return error


def _text(error: BaseException) -> str:
    try:
        return str(error)[:2000]
    except BaseException as failure:
        return f"<no text: its __str__ raised {type(failure).__name__}>"


def is_frozen() -> bool:
    """Whether the interpreter is part of a bundled program, which cannot start another one of itself as Python."""
    return bool(getattr(sys, "frozen", False))
