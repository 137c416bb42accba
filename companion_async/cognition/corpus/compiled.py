"""What a compiled module says about itself: docstrings and signatures of the objects it holds."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import types
from collections.abc import Iterator
from importlib.machinery import BuiltinImporter, ExtensionFileLoader

from loguru import logger

from companion_async.cognition.corpus.python_source import Entry

# Importing these does more than define names: they touch the terminal, load a window system, or warn that they are
# on their way out.
_NOT_IMPORTED = frozenset({"readline", "audioop", "nis", "ossaudiodev", "spwd", "crypt"})
_SIGNATURE = re.compile(r"^\(\$?(?:self|module|type|cls)?\s*(?:,\s*/\s*)?,?\s*")


def is_compiled(name: str) -> bool:
    """Whether ``name`` is a top-level compiled module of this interpreter that can be imported without effects."""
    if name in _NOT_IMPORTED or "tkinter" in name or "curses" in name or "test" in name or name.startswith("_xx"):
        return False
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    loader: object = spec.loader if spec is not None else None
    return loader is BuiltinImporter or isinstance(loader, ExtensionFileLoader)


def compiled_entries(name: str, *, whole: bool = True) -> Iterator[Entry]:
    """The compiled objects of module ``name``: all of it, or (``whole=False``) what a Python module holds of them.

    A Python module must have been imported by others already, or it holds nothing here. Nothing, and a line in the log,
    if the module cannot be imported here.
    """
    try:
        module = importlib.import_module(name) if whole else sys.modules.get(name)
    except Exception as error:
        logger.debug("{} is left out, since it cannot be imported: {!r}", name, error)  # one source less
        return
    location = f"{name} (compiled)"
    if whole:
        yield Entry((), "module", location, "", _doc(module))
    names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_") or name == "builtins"]
    for member in sorted(map(str, names)):
        yield from _described(getattr(module, member, None), (member,), location)


def _described(thing: object, path: tuple[str, ...], location: str) -> Iterator[Entry]:
    if isinstance(thing, type):
        if (
            "__dict__" in vars(thing)
            and not issubclass(thing, BaseException)
            and thing.__module__ not in ("re", "builtins")
        ):
            return  # defined in Python; its source is read instead
        yield Entry(path, "class", location, _signature(thing), _doc(thing))
        for name, member in sorted(vars(thing).items()):
            if not name.startswith("_"):
                yield from _function(member, (*path, name), location)
    else:
        yield from _function(thing, path, location)


def _function(thing: object, path: tuple[str, ...], location: str) -> Iterator[Entry]:
    if isinstance(thing, (staticmethod, classmethod)):
        thing = thing.__func__
    compiled = (
        types.BuiltinFunctionType,
        types.MethodDescriptorType,
        types.ClassMethodDescriptorType,
        types.GetSetDescriptorType,
        types.MemberDescriptorType,
    )
    if isinstance(thing, compiled):
        doc = _doc(thing)
        if doc:
            yield Entry(path, "function", location, _signature(thing), doc)


def _doc(thing: object) -> str:
    doc = getattr(thing, "__doc__", None)
    return inspect.cleandoc(doc) if isinstance(doc, str) else ""


def _signature(thing: object) -> str:
    text = getattr(thing, "__text_signature__", None)
    return _SIGNATURE.sub("(", text) if isinstance(text, str) else ""
