"""The modules of one agent, and where each has its place."""

from __future__ import annotations

from companion_async.cognition.controller.module import MODULE as CONTROLLER
from companion_async.cognition.controller.module import Controller
from companion_async.cognition.converse.module import MODULE as CONVERSE
from companion_async.cognition.converse.module import Converse
from companion_async.cognition.execution.module import MODULE as EXECUTION
from companion_async.cognition.execution.module import Execution
from companion_async.cognition.mind import Mind
from companion_async.cognition.perception.module import MODULE as PERCEPTION
from companion_async.cognition.perception.module import Perception
from companion_async.cognition.planning.module import MODULE as PLANNING
from companion_async.cognition.planning.module import Planning
from companion_async.cognition.reflection.module import MODULE as REFLECTION
from companion_async.cognition.reflection.module import Reflection
from companion_async.cognition.retrieval.module import MODULE as RETRIEVAL
from companion_async.cognition.retrieval.module import Retrieval
from companion_async.modules.spec import ModuleSpec


def mind_modules(mind: Mind, prefix: str = "") -> tuple[ModuleSpec, ...]:
    """All seven, which share ``mind``; ``prefix`` goes before their names. What reacts is in ``core``; what may wait
    for a model or a file for long is elsewhere, so that however many are slow they take none of its places.
    """
    return (
        ModuleSpec(prefix + PERCEPTION, Perception, "core", "high", factory=lambda: Perception(mind)),
        ModuleSpec(prefix + CONTROLLER, Controller, "core", "high", factory=lambda: Controller(mind)),
        ModuleSpec(prefix + EXECUTION, Execution, "core", "high", factory=lambda: Execution(mind)),
        # Without a limit of the brain's: a model may take its time, and has limits of its own.
        ModuleSpec(prefix + CONVERSE, Converse, "agi", "high", timeout=None, factory=lambda: Converse(mind)),
        ModuleSpec(prefix + PLANNING, Planning, "advanced", "medium", factory=lambda: Planning(mind)),
        ModuleSpec(prefix + RETRIEVAL, Retrieval, "advanced", "high", factory=lambda: Retrieval(mind)),
        ModuleSpec(prefix + REFLECTION, Reflection, "agi", "low", factory=lambda: Reflection(mind)),
    )
