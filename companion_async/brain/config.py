"""What a brain can be told before it starts: every key, its default, and what is refused."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from companion_async.autonomy.settings import AutonomySettings
from companion_async.brain.config_source import SettingsMeta, build_settings, read_environment, read_toml
from companion_async.errors import InvalidArgumentError
from companion_async.health.settings import HealthSettings
from companion_async.offload.processes.settings import ProcessSettings
from companion_async.scheduling.policies import SchedulingPolicy
from companion_async.scheduling.settings import TracingSettings
from companion_async.security import SecuritySettings, check_count, check_name, check_seconds
from companion_async.status.picture import FrozenMap

CATEGORY_LIMITS: Mapping[str, int] = {
    "core": 10,
    "phase1": 5,
    "phase2": 5,
    "phase3": 8,
    "phase4": 6,
    "phase5": 4,
    "advanced": 8,
    "agi": 6,
    "monitoring": 3,
}

_SECONDS = (
    "ageing_span",
    "health_interval",
    "decision_interval",
    "scale_down_after",
    "history_seconds",
    "lock_timeout",
    "sync_interval",
)
_COUNTS = (
    "max_threads",
    "queue_capacity",
    "max_pending_tasks",
    "failure_threshold",
    "history_size",
    "max_concurrent_locks",
    "batch_size",
    "max_snapshots",
    "stream_buffer",
)
_FLAGS = ("auto_scaling", "enable_deadlock_detection", "expose_errors", "keep_place", "plugins")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "scaling": ("adaptive", "plain"),
    "on_full": ("reject", "wait"),
    "policy": tuple(policy.value for policy in SchedulingPolicy),
    "sync_policy": ("immediate", "batched", "periodic", "on_demand"),
}
_TOKENS = ("token", "readonly_token")
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII)
# Keys of a room that the brain's own keys decide; said in both places, one of them would be ignored in silence.
_DECIDED_ABOVE: Mapping[str, Mapping[str, str]] = {
    "autonomy": {
        "interval": "decision_interval",
        "auto_scaling": "auto_scaling",
        "scaling": "scaling",
        "scale_down_after": "scale_down_after",
        "failure_threshold": "failure_threshold",
    },
    "health": {"interval": "health_interval", "failure_threshold": "failure_threshold"},
}


class BrainConfig(msgspec.Struct, metaclass=SettingsMeta, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a brain. Durations are seconds, sizes are counts.

    Every bad value is refused when the config is made, with the key's name and what would be right. Code reads
    nothing but its arguments: only `load` (which the command line uses) looks at files and at the environment.

    ``categories`` is laid over the nine that exist anyway: ``{"core": 2, "media": 4}`` sets the limit of one, adds
    another and keeps the rest. A category without work has no threads, so an unused one costs nothing.
    ``policy`` takes a `SchedulingPolicy` or its value, and holds the `SchedulingPolicy`. ``stream_buffer`` items of a
    streamed result may wait for their reader. With ``keep_place`` a category of four slots or more to which CRITICAL or
    HIGH work has come in the last minute keeps one of them for such. With ``plugins`` the modules that installed
    packages offer in the entry-point group ``companion_async.modules`` are registered as the brain starts.
    ``allowed_hosts`` are the names that its HTTP interface is served under, besides addresses and names of the same
    machine. ``autonomy`` and ``health`` hold the thresholds of the decision loop's rules and of the health checks, but
    for those that are keys here, ``security`` the limits on data that comes in from outside, ``tracing`` whether tasks
    are traced, ``processes`` the limits of modules that live in processes of their own.
    """

    categories: dict[str, int] = {}
    max_threads: int = 50
    auto_scaling: bool = True
    scaling: Literal["adaptive", "plain"] = "adaptive"
    queue_capacity: int = 1000
    max_pending_tasks: int = 1_000_000
    on_full: Literal["reject", "wait"] = "reject"
    policy: str = SchedulingPolicy.WEIGHTED_PRIORITY
    ageing_span: float = 10.0
    default_timeout: float | None = 30.0
    cancel_grace: float = 5.0
    abandoned_budget: int | None = None
    health_interval: float = 5.0
    decision_interval: float = 10.0
    scale_down_after: float = 60.0
    failure_threshold: int = 5
    history_size: int = 10_000
    history_seconds: float = 3600.0
    max_concurrent_locks: int = 10_000
    lock_timeout: float = 30.0
    enable_deadlock_detection: bool = True
    sync_policy: Literal["immediate", "batched", "periodic", "on_demand"] = "immediate"
    batch_size: int = 10
    sync_interval: float = 1.0
    max_snapshots: int = 50
    token: str | None = None
    readonly_token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    expose_errors: bool = False
    stream_buffer: int = 64
    keep_place: bool = True
    plugins: bool = True
    autonomy: AutonomySettings = AutonomySettings()
    health: HealthSettings = HealthSettings()
    security: SecuritySettings = SecuritySettings()
    tracing: TracingSettings = TracingSettings()
    processes: ProcessSettings = ProcessSettings()

    def __post_init__(self) -> None:
        for key in _COUNTS:
            check_count(getattr(self, key), key)
        for key in _SECONDS:
            self._settle(key, check_seconds(getattr(self, key), key))
        self._settle("cancel_grace", check_seconds(self.cancel_grace, "cancel_grace", zero=True))
        if self.default_timeout is not None:
            self._settle("default_timeout", check_seconds(self.default_timeout, "default_timeout"))
        if self.abandoned_budget is not None:
            check_count(self.abandoned_budget, "abandoned_budget", minimum=0)
        for key in _FLAGS:
            if not isinstance(getattr(self, key), bool):
                raise InvalidArgumentError(f"{key} must be true or false; {getattr(self, key)!r:.80} is not.")
        for key, choices in _CHOICES.items():
            value = getattr(self, key)
            if not isinstance(value, str) or value not in choices:
                raise InvalidArgumentError(f"{key} must be one of {', '.join(choices)}; {value!r:.80} is not.")
        self._settle("policy", SchedulingPolicy(self.policy))
        for key in _TOKENS:
            _check_token(getattr(self, key), key)
        if self.token is not None and self.token == self.readonly_token:
            raise InvalidArgumentError(
                "token and readonly_token must differ, or the two roles could not be told apart."
            )
        self._settle("allowed_hosts", _hosts(self.allowed_hosts))
        self._settle("categories", _limits(self.categories))
        _check_room("autonomy", self.autonomy, AutonomySettings)
        _check_room("health", self.health, HealthSettings)
        _check_room("security", self.security, SecuritySettings)
        _check_room("tracing", self.tracing, TracingSettings)
        _check_room("processes", self.processes, ProcessSettings)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None, *, env: Mapping[str, str] | None = None) -> Self:
        """The config that a TOML file and the environment describe; what neither names keeps its default.

        ``COMPANION_MAX_THREADS=8`` sets a key, ``COMPANION_CATEGORIES__CORE=4`` one inside another; the environment
        (``env``, by default the process's own) wins over the file. An empty variable counts as unset. A key or a
        ``COMPANION_`` variable that does not exist is refused, and the nearest name that does is in the message.
        """
        given = read_toml(Path(path)) if path is not None else {}
        return build_settings(cls, given, read_environment(os.environ if env is None else env))

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # msgspec's own repr, and the one it gives to rich, would print the tokens into every traceback with locals.
        return [
            (key, "***" if key in _TOKENS and getattr(self, key) is not None else getattr(self, key))
            for key in self.__struct_fields__
        ]

    def _settle(self, key: str, value: Any) -> None:
        msgspec.structs.force_setattr(self, key, value)


def _check_token(value: Any, key: str) -> None:
    """Refuse what could not travel in an ``Authorization`` header. The value itself never enters the message."""
    if value is None:
        return
    if not isinstance(value, str) or not value or not all("!" <= character <= "~" for character in value):
        raise InvalidArgumentError(f"{key} must be a string of visible ASCII characters without spaces, or unset.")


def _hosts(given: Any) -> tuple[str, ...]:
    if isinstance(given, (tuple, list)) and all(isinstance(each, str) and _HOST.fullmatch(each) for each in given):
        return tuple(each.lower() for each in given)
    raise InvalidArgumentError(
        f"allowed_hosts must be a tuple of host names, as ('brain.example.org',), without port; {given!r:.80} is not."
    )


def _limits(given: Any) -> dict[str, int]:
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"categories must map names to limits, as in {{'core': 4}}; {given!r:.80} does not.")
    for name, limit in given.items():
        check_name(name, "category name")
        check_count(limit, f"categories[{name!r}]")
    return FrozenMap({**CATEGORY_LIMITS, **given})


def _check_room(key: str, given: Any, cls: type[msgspec.Struct]) -> None:
    """Refuse settings of a room that are of another type, hold no sensible number, or say what a key above decides."""
    if not isinstance(given, cls):
        raise InvalidArgumentError(f"{key} must be {cls.__name__}(...) or a table; {given!r:.80} is not.")
    for field in msgspec.structs.fields(cls):
        value, where = getattr(given, field.name), f"{key}.{field.name}"
        above = _DECIDED_ABOVE.get(key, {}).get(field.name)
        if above is not None and value != field.default:
            raise InvalidArgumentError(f"{where} follows {above}; set {above} instead.")
        try:
            msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            raise InvalidArgumentError(f"{where} is not right: {error}.") from None
        if isinstance(value, (int, float)) and not (math.isfinite(value) and value >= 0):
            raise InvalidArgumentError(f"{where} must be a finite number, 0 or more; {value!r} is not.")
