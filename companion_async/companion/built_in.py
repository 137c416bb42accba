"""The built-in modules that a companion has beside those it reads and answers with, and what each wants installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from functools import partial

import msgspec

from companion_async.clock import Clock, SystemClock
from companion_async.cognition.advanced_reasoning.calculation import PACKAGES as REASONING_NEEDS
from companion_async.cognition.advanced_reasoning.module import MODULE as REASONING
from companion_async.cognition.advanced_reasoning.module import AdvancedReasoning
from companion_async.cognition.autonomous_system.module import MODULE as AUTONOMOUS
from companion_async.cognition.autonomous_system.module import AutonomousSystem
from companion_async.cognition.code_executor.module import MODULE as CODE
from companion_async.cognition.code_executor.module import CodeExecutor
from companion_async.cognition.decoding.module import MODULE as DECODERS
from companion_async.cognition.decoding.module import Decoders
from companion_async.cognition.mind import Mind
from companion_async.cognition.multimodal_processor.module import MODULE as MEDIA
from companion_async.cognition.multimodal_processor.module import PACKAGES as MEDIA_NEEDS
from companion_async.cognition.multimodal_processor.module import MultimodalProcessor
from companion_async.cognition.neural_reasoning.module import MODULE as NEURAL
from companion_async.cognition.neural_reasoning.module import PACKAGES as NEURAL_NEEDS
from companion_async.cognition.neural_reasoning.module import NeuralReasoning
from companion_async.cognition.optimizer.module import MODULE as OPTIMIZER
from companion_async.cognition.optimizer.module import Optimizer
from companion_async.cognition.personality_engine.appraisal import PACKAGES as PERSONALITY_NEEDS
from companion_async.cognition.personality_engine.module import MODULE as PERSONALITY
from companion_async.cognition.personality_engine.module import PersonalityEngine
from companion_async.cognition.self_learning.learner import PACKAGES as LEARNING_NEEDS
from companion_async.cognition.self_learning.module import MODULE as LEARNING
from companion_async.cognition.self_learning.module import SelfLearning
from companion_async.cognition.web_crawler.module import MODULE as CRAWLER
from companion_async.cognition.web_crawler.module import PACKAGES as CRAWLER_NEEDS
from companion_async.cognition.web_crawler.module import WebCrawler
from companion_async.companion.config import CompanionConfig
from companion_async.companion.mind_modules import mind_modules
from companion_async.errors import MissingExtraError
from companion_async.modules.spec import ModuleSpec


class BuiltIn(msgspec.Struct, frozen=True):
    """A built-in module: its place in the brain, and what it cannot do its work without.

    ``extra`` is the extra of this package that brings ``packages``, named as they are imported; both are empty for one
    that needs nothing. The module imports them in its functions, never at its top: a companion must not wait for what
    it may not use.
    """

    spec: ModuleSpec
    extra: str = ""
    packages: tuple[str, ...] = ()

    def is_installed(self) -> bool:
        """Whether all of ``packages`` are there. Imports nothing; looks at the disk, so not for the event loop."""
        return all(importlib.util.find_spec(package) is not None for package in self.packages)


class Sorted(msgspec.Struct, frozen=True):
    """The modules that can run here, and the extra that each of the others waits for, by the module's name."""

    specs: tuple[ModuleSpec, ...]
    off: dict[str, str]


def sort_out(modules: Iterable[BuiltIn]) -> Sorted:
    """Tell those that are installed from those that are not. Looks at the disk, so not for the event loop."""
    specs: list[ModuleSpec] = []
    off: dict[str, str] = {}
    for module in modules:
        if module.is_installed():
            specs.append(module.spec)
        else:
            off[module.spec.name] = module.extra
    return Sorted(tuple(specs), off)


def lacking(names: Iterable[str]) -> dict[str, str]:
    """Those of the built-in modules with these names that are not installed, each with the command that brings what it
    wants. Looks at the disk, so not for the event loop.
    """
    known = {each.spec.name: each for each in built_in_modules(CompanionConfig(), SystemClock())}
    return {
        name: MissingExtraError.command(known[name].extra)
        for name in names
        if name in known and not known[name].is_installed()
    }


def built_in_modules(config: CompanionConfig, clock: Clock) -> tuple[BuiltIn, ...]:
    """Every built-in module, one entry each: a companion registers those that are installed and names the others."""
    personality, learning, reasoning = config.personality, config.learning, config.reasoning
    decoding, endpoints, mind = config.decoding, config.models.endpoints, config.mind
    return (
        BuiltIn(
            ModuleSpec(
                DECODERS, Decoders, "advanced", timeout=None, factory=partial(Decoders, decoding), offload="process"
            )
        ),
        BuiltIn(
            # Without a limit of the brain's: what decodes has one of its own, and so has each model.
            ModuleSpec(
                MEDIA,
                MultimodalProcessor,
                "advanced",
                timeout=None,
                factory=lambda: MultimodalProcessor(config.media, decoding=decoding, endpoints=endpoints),
            ),
            "media",
            MEDIA_NEEDS,
        ),
        BuiltIn(
            # Without a limit of the brain's: this one keeps its own, and a crawl may take an hour.
            ModuleSpec(
                CRAWLER, WebCrawler, "phase3", timeout=None, factory=lambda: WebCrawler(config.crawler, clock=clock)
            ),
            "web",
            CRAWLER_NEEDS,
        ),
        BuiltIn(
            ModuleSpec(CODE, CodeExecutor, "phase4", "high", timeout=None, factory=lambda: CodeExecutor(config.code)),
            "sandbox",
            ("pydantic_monty",),
        ),
        BuiltIn(
            ModuleSpec(
                PERSONALITY, PersonalityEngine, "agi", factory=lambda: PersonalityEngine(personality, clock=clock)
            ),
            "persona",
            PERSONALITY_NEEDS,
        ),
        BuiltIn(
            ModuleSpec(REASONING, AdvancedReasoning, "advanced", "high", factory=lambda: AdvancedReasoning(reasoning)),
            "reason",
            REASONING_NEEDS,
        ),
        BuiltIn(
            ModuleSpec(NEURAL, NeuralReasoning, "agi", "high", factory=lambda: NeuralReasoning(config.neural)),
            "ml",
            NEURAL_NEEDS,
        ),
        BuiltIn(
            ModuleSpec(LEARNING, SelfLearning, "agi", factory=lambda: SelfLearning(learning, clock=clock)),
            "learn",
            LEARNING_NEEDS,
        ),
        BuiltIn(
            ModuleSpec(OPTIMIZER, Optimizer, "phase5", "low", factory=lambda: Optimizer(clock=clock), offload="loop")
        ),
        BuiltIn(
            ModuleSpec(
                AUTONOMOUS,
                AutonomousSystem,
                "agi",
                "high",
                factory=lambda: AutonomousSystem(config.autonomous, clock=clock),
                offload="loop",
            )
        ),
        *map(BuiltIn, mind_modules(Mind(mind.name, file=mind.file, retention=mind.retention, clock=clock))),
    )
