"""Fragments of a document are run on a stage: what the page takes for granted, as ``stages/<page>.py`` sets it up."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STAGES = Path(__file__).parent / "stages"


@dataclass
class Stage:
    """``names`` are those that a fragment uses and does not make. ``meanwhile`` is what happens at a line ``...`` of
    it; ``instead`` are addresses that it names, and those that answer in their place.
    """

    names: dict[str, Any]
    meanwhile: Callable[[], Awaitable[None]] | None = None
    instead: Mapping[str, str] = field(default_factory=dict)


def program(page: str, fragment: str) -> str:
    """The program that plays ``fragment`` on the stage of ``page``."""
    return f"import asyncio\nfrom tests.documents.staging import play\nasyncio.run(play({page!r}, {fragment!r}))\n"


async def play(page: str, fragment: str) -> None:
    async with importlib.import_module(f"tests.documents.stages.{page}").stage() as stage:
        for named, answering in stage.instead.items():
            fragment = fragment.replace(named, answering)
        code = fragment.replace("\n...\n", "\nawait meanwhile()\n")
        names = {**stage.names, "meanwhile": stage.meanwhile}
        result: Any = eval(compile(code, page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if inspect.isawaitable(result):
            await result
