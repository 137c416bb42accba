"""The settings of a companion: those of a brain, and those of its built-in modules."""

from __future__ import annotations

from typing import Any, Self

import msgspec

from companion_async.brain.config import BrainConfig
from companion_async.cognition.advanced_reasoning.module import MODULE as REASONING
from companion_async.cognition.advanced_reasoning.settings import ReasoningSettings
from companion_async.cognition.autonomous_system.settings import AutonomousSettings
from companion_async.cognition.code_executor.module import MODULE as CODE
from companion_async.cognition.code_executor.settings import ExecutorSettings
from companion_async.cognition.context_manager.settings import ContextSettings
from companion_async.cognition.decoding.settings import DecodingSettings
from companion_async.cognition.mind import check_agent_name
from companion_async.cognition.model_router.settings import ModelSettings
from companion_async.cognition.multimodal_processor.settings import MediaSettings
from companion_async.cognition.neural_reasoning.settings import NeuralSettings
from companion_async.cognition.personality_engine.module import MODULE as PERSONALITY
from companion_async.cognition.personality_engine.settings import PersonalitySettings
from companion_async.cognition.search_engine.module import MODULE as SEARCH
from companion_async.cognition.self_learning.module import MODULE as LEARNING
from companion_async.cognition.self_learning.settings import LearningSettings
from companion_async.cognition.web_crawler.settings import CrawlerSettings
from companion_async.errors import InvalidArgumentError
from companion_async.memory.settings import MemorySettings
from companion_async.security import check_seconds

OPTIONAL = (REASONING, CODE, SEARCH, PERSONALITY, LEARNING)
"""The modules that `ask` and `chat` use where they are there, and can do without."""


class KnowledgeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a companion reads, and where it keeps it.

    ``documents`` are files and folders; without any it is the documentation of the running Python. ``database`` is the
    file that keeps what was read from one run to the next, so that nothing is read twice; without one it is kept in
    memory.
    """

    documents: tuple[str, ...] = ()
    database: str | None = None

    def __post_init__(self) -> None:
        documents: Any = self.documents
        if not isinstance(documents, (tuple, list)) or not all(isinstance(each, str) and each for each in documents):
            raise InvalidArgumentError(f"documents must be a list of paths; {documents!r:.80} is not.")
        msgspec.structs.force_setattr(self, "documents", tuple(documents))
        database: Any = self.database
        if database is not None and not (isinstance(database, str) and database):
            raise InvalidArgumentError(f"database must be the path of a file, or unset; {database!r:.80} is not.")


class MindSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The agent that a companion is: its ``name``, which is part of a path of the state, and the ``file`` that keeps
    its memories from one run to the next; without one they go with the process. Every ``consolidate`` seconds what
    matters is moved into long-term memory, which forgets by the ``retention`` (unset: a million memories with a file, a
    thousand without); 0 leaves it to you (``submit("reflection", "consolidate")``).
    """

    name: str = "companion"
    file: str | None = None
    retention: MemorySettings | None = None
    consolidate: float = 60.0

    def __post_init__(self) -> None:
        check_agent_name(self.name)
        file: Any = self.file
        if file is not None and not (isinstance(file, str) and file):
            raise InvalidArgumentError(f"file must be the path of a file, or unset; {file!r:.80} is not.")
        retention: Any = self.retention
        if retention is not None and not isinstance(retention, MemorySettings):
            raise InvalidArgumentError(f"retention must be MemorySettings(...), or unset; {retention!r:.80} is not.")
        check_seconds(self.consolidate, "consolidate", zero=True)


class AnsweringSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a companion does with a question by itself.

    ``left_out`` names modules that `CompanionBrain.ask` and `CompanionBrain.chat` are not to use, of `OPTIONAL`: with
    ``("code_executor",)`` no question has a program run. They can be given tasks all the same. With ``follow_learning``
    what was learnt from `CompanionBrain.rate` decides between what looks nearly as good; without it ratings are
    learnt from all the same and change nothing.
    """

    left_out: tuple[str, ...] = ()
    follow_learning: bool = True

    def __post_init__(self) -> None:
        follow: Any = self.follow_learning
        if not isinstance(follow, bool):
            raise InvalidArgumentError(f"follow_learning must be True or False; {follow!r:.80} is neither.")
        names: Any = self.left_out
        if not isinstance(names, (tuple, list)) or not all(name in OPTIONAL for name in names):
            raise InvalidArgumentError(f"left_out must be some of {', '.join(OPTIONAL)}; {names!r:.80} is not.")
        msgspec.structs.force_setattr(self, "left_out", tuple(names))


class CompanionConfig(BrainConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `BrainConfig` with what the built-in modules need, each under a key of its own."""

    knowledge: KnowledgeSettings = KnowledgeSettings()
    answering: AnsweringSettings = AnsweringSettings()
    models: ModelSettings = ModelSettings()
    context: ContextSettings = ContextSettings()
    code: ExecutorSettings = ExecutorSettings()
    crawler: CrawlerSettings = CrawlerSettings()
    media: MediaSettings = MediaSettings()
    decoding: DecodingSettings = DecodingSettings()
    personality: PersonalitySettings = PersonalitySettings()
    learning: LearningSettings = LearningSettings()
    reasoning: ReasoningSettings = ReasoningSettings()
    neural: NeuralSettings = NeuralSettings()
    autonomous: AutonomousSettings = AutonomousSettings()
    mind: MindSettings = MindSettings()

    def __post_init__(self) -> None:
        super().__post_init__()
        rooms: dict[str, Any] = {
            "knowledge": KnowledgeSettings,
            "answering": AnsweringSettings,
            "models": ModelSettings,
            "context": ContextSettings,
            "code": ExecutorSettings,
            "crawler": CrawlerSettings,
            "media": MediaSettings,
            "decoding": DecodingSettings,
            "personality": PersonalitySettings,
            "learning": LearningSettings,
            "reasoning": ReasoningSettings,
            "neural": NeuralSettings,
            "autonomous": AutonomousSettings,
            "mind": MindSettings,
        }
        for key, cls in rooms.items():
            if not isinstance(getattr(self, key), cls):
                raise InvalidArgumentError(f"{key} must be {cls.__name__}(...); {getattr(self, key)!r:.80} is not.")

    @classmethod
    def of(cls, config: BrainConfig | None) -> Self:
        """``config`` as a companion's: a plain `BrainConfig` keeps its settings and gets defaults for the rest."""
        if config is None:
            return cls()
        if isinstance(config, cls):
            return config
        if not isinstance(config, BrainConfig):
            raise InvalidArgumentError(f"config must be a CompanionConfig or a BrainConfig; {config!r:.80} is not.")
        return cls(**msgspec.structs.asdict(config))
