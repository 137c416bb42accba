from __future__ import annotations

import pytest

# The interface itself is tested on both loops; each framework on the one that its users mostly have under it.
_LOOP_OF = {"aiohttp": "asyncio", "fastapi": "uvloop"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left = [item for item in items if _elsewhere(item)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]


def _elsewhere(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    loop = _LOOP_OF.get(callspec.params.get("kind", "")) if callspec is not None else None
    return loop is not None and loop not in item.name and any(name in item.name for name in _LOOP_OF.values())
