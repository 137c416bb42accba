"""What the handlers of the built-in modules are given may be anything: it comes over HTTP, or out of a model."""

from __future__ import annotations

from typing import Any

import pytest

from companion_async.cognition.model_router.prompt import Medium
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings
from companion_async.errors import CompanionError

NESTED: list[object] = []
for _ in range(500):
    NESTED = [NESTED]

ANYTHING: tuple[object, ...] = (
    *(None, "", " ", "\x00", "\ud800", "\u202e\U0001f600", "a" * 20_001, b"\x00\xff"),
    *(float("nan"), float("inf"), -1, 0, True, 10**400, [], {}, {"a": None}, NESTED, object()),
)

# Each is called with every one of these things in the place of the ellipsis.
CALLS: dict[str, list[tuple[Any, ...]]] = {
    "model_router": [
        *(("route", ...), ("route", "q", ...), ("route", "q", None, ...), ("extract", ...), ("answer", ...)),
        *(("caption", ...), ("caption", Medium("image/png", b""), ...), ("transcribe", ...)),
    ],
    "context_manager": [
        *(("append", ..., "user", "t"), ("append", "c", ..., "t"), ("append", "c", "user", ...), ("clear", ...)),
        *(("exchange", ..., "q", "a"), ("exchange", "c", ..., "a"), ("exchange", "c", "q", ...)),
        *(("window", ...), ("summary", ...), ("history", ...), ("history", "c", ...)),
    ],
    "knowledge_retriever": [
        *(("index", ...), ("index", [...]), ("remove", ...), ("remove", [...]), ("forget", ...), ("read", ...)),
        *(("pending", ...), ("pending", [...]), ("retrieve", ...), ("retrieve", "q", ...), ("retrieve", "q", 5, ...)),
        *(("context_for", ...), ("context_for", "q", ...)),
    ],
    "search_engine": [
        *(("add", ...), ("add", [...]), ("remove", ...), ("remove", [...]), ("search", ...), ("search", "q", ...)),
        ("search", "q", 5, ...),
        *(
            ("add", [{"id": "i", "title": "t", "location": "l", "text": "t", field: ...}])
            for field in ("id", "title", "location", "text", "kind", "summary", "context", "group", "depth", "mentions")
        ),
    ],
    "web_crawler": [("fetch", ...), ("crawl", ...), ("crawl", [...])],
    "code_executor": [
        *(("execute", ...), ("execute", "1", ...), ("execute", "1", "python", ...)),
        ("execute", "1", "python", 1, ...),
    ],
    "optimizer": [("watch", ...), ("apply", ...)],
    "advanced_reasoning": [
        *(("reason", ...), ("reason", "2+2", ...), ("reason", "2+2", "exact", ...), ("calculate", ...)),
        *(("satisfy", ...), ("satisfy", "a.", ...), ("plan", ..., ["a"], []), ("plan", ["a"], ..., [])),
        *(("plan", ["a"], ["b"], ...), ("plan", ["a"], ["b"], [...]), ("plan", [...], ["b"], [])),
    ],
    "personality_engine": [
        *(("perceive", ...), ("perceive", "hello", ...), ("style", ...), ("style", "hello", ...)),
        *(("feedback", ...), ("feedback", 1.0, ...), ("feedback", 1.0, "warmth", ...), ("profile", ...)),
        ("forget", ...),
    ],
    "neural_reasoning": [
        *(("store", "n", ...), ("store", ..., [1.0]), ("store", "n", [...]), ("forget", ...), ("recall", ...)),
        *(("recall", [...]), ("recall", "n", ...), ("concepts", ...), ("analogy", ..., "n", "n")),
        *(("learn", "c", ..., ["a"]), ("learn", "c", ["a"], ...), ("learn", "c", ["a"], [...])),
        *(("learn", "c", [...], ["a"]), ("classify", "c", ...), ("classify", ..., "n")),
    ],
    "self_learning": [
        *(("choose", ..., ["a"]), ("choose", "t", ...), ("choose", "t", [...]), ("choose", "t", ["a"], ...)),
        *(("choose", "t", ["a"], {"x": ...}), ("advise", "t", ["a"], ...), ("learn", "t", "a", ...)),
        *(("learn", "t", ..., 1.0), ("learn", "t", "a", 1.0, ...), ("learn", "t", "a", 1.0, {"x": ...})),
        *(("record", ..., "a", 1.0), ("record", "q", ..., 1.0), ("record", "q", "a", ...)),
        *(("record", "q", "a", 1.0, ...), ("record", "q", "a", 1.0, {"x": ...}), ("recall", ...)),
        *(("recall", "q", ...), ("explain", ...), ("forget", ...)),
    ],
    "autonomous_system": [
        *(("set_goal", ...), ("set_goal", {"name": "g", "metric": "queued", "subject": "core", "value": ...})),
        *(("set_goal", {"name": ..., "metric": "queued", "subject": "core"}), ("drop_goal", ...), ("audit", ...)),
        *(("approve", ...), ("reject", ...), ("reject", 1, ...)),
    ],
    "multimodal_processor": [("process", ...), ("similarity", ..., "00")],
    "perception": [
        *(("perceive", ...), ("perceive", {"curr_tile": ..., "maze": ...}), ("perceive", {"curr_tile": (..., 1)})),
        *(("perceive", {"curr_tile": (1, 1), "maze": ...}), ("perceive", {"other_agents": ..., "daily_plan": ...})),
        ("perceive", {"scene_version": ..., "conversations": ...}),
    ],
    "planning": [
        *(("add_goal", ...), ("add_goal", "g", ...), ("drop_goal", ...), ("report", ..., True)),
        *(("report", "s", ...), ("report", "s", True, ...), ("report", "s", True, [...])),
    ],
    "reflection": [("evidence", ...)],
    "retrieval": [("run", ...), ("run", "q", ...), ("run", "q", 5, ...)],
    "execution": [("do", ...)],
    "converse": [
        ("hear", ..., "t"),
        ("hear", "ann", ...),
        ("hear", "ann", "t", ...),
        ("say", ...),
        ("say", "ann", ...),
    ],
    "controller": [("feel", ..., 0.5), ("feel", "ann", ...)],
}


def put(anything, place):
    """``place`` with ``anything`` where its ellipses are."""
    if place is ...:
        return anything
    if isinstance(place, (list, tuple)):
        return type(place)(put(anything, each) for each in place)
    if isinstance(place, dict):
        return {key: put(anything, each) for key, each in place.items()}
    return place


@pytest.mark.slow
@pytest.mark.feature(
    "CB-40", "CB-41", "CB-42", "CB-43", "CB-44", "CB-45", "CB-46", "CB-47", "CB-48", "CB-49", "CB-50", "CB-51", "CB-52"
)
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_whatever_is_given_to_a_module_it_answers_or_refuses(documents):
    """With an error of ours that says what is right; no module is restarted for it, and all go on to do their work."""
    config = CompanionConfig(knowledge=KnowledgeSettings(documents=(str(documents),)))
    async with CompanionBrain(config) as companion:
        for module, calls in CALLS.items():
            for handler, *arguments in calls:
                for anything in ANYTHING:
                    task = companion.submit(module, handler, *put(anything, arguments))
                    try:
                        await task
                    except CompanionError:
                        pass
                    except Exception as error:
                        error.add_note(f"{module}.{handler} with {anything!r:.80} in {arguments}")
                        raise
        for module in CALLS:
            status = companion.module_status(module)
            assert (status.state, status.restarts) == ("running", 0)
        assert (await companion.submit("controller")).skill == "wait"
        assert (await companion.submit("advanced_reasoning", "reason", "2+2")).answer == "4"
