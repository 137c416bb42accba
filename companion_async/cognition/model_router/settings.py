"""The models a companion may ask, as the configuration names them."""

from __future__ import annotations

import math
import re
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from companion_async.cognition.model_router.rules import KINDS
from companion_async.errors import InvalidArgumentError
from companion_async.security import check_count, check_name, check_seconds

EMBEDDED = "embedded-extractive"
"""The name under which the responder that needs no model answers."""

PROVIDERS = ("openai", "ollama", "anthropic")
TAKES = ("text", "image", "audio")
_BASE_URLS = {
    "openai": "https://api.openai.com/v1",
    "ollama": "http://127.0.0.1:11434/v1",
    "anthropic": "https://api.anthropic.com",
}
_KEY_VARIABLES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model behind one address.

    ``provider``: ``"openai"`` for OpenAI and everything that speaks its protocol at ``base_url``, ``"ollama"``,
    ``"anthropic"``. ``api_key_env`` names the environment variable that holds the key; the key itself is never part of
    a config. Unset, it is the provider's usual variable, but only where ``base_url`` is unset as well: no key
    goes to an address that it was not meant for. ``takes``: what it understands, ``"text"``, ``"image"`` (it writes
    captions; both for a model that chats and sees) or ``"audio"`` (it transcribes, by ``audio/transcriptions`` of
    OpenAI's protocol). ``kinds``: the tasks it is meant for, none for any; ``from_tokens``: the size from which on it
    is preferred; ``cost``: what a million tokens cost, in one currency for all; of those that suit alike the cheaper is
    asked first. ``timeout``: seconds without a word from it; ``retries``: further tries at the same address, after
    failures that may pass, with jitter and as it asks for in Retry-After. After ``breaker_failures`` failed calls in a
    row it is left alone for ``breaker_seconds``, or longer where it asks for that. ``tokens_per_hour`` is what it may
    use in any hour, by its own count or else estimated (of a sound by its words); None for any amount.
    """

    name: str
    model: str
    provider: Literal["openai", "ollama", "anthropic"] = "openai"
    base_url: str | None = None
    api_key_env: str | None = None
    takes: tuple[str, ...] = ("text",)
    kinds: tuple[str, ...] = ()
    from_tokens: int = 0
    cost: float = 0.0
    context_tokens: int = 8192
    max_output_tokens: int = 1024
    timeout: float = 60.0
    retries: int = 1
    breaker_failures: int = 3
    breaker_seconds: float = 30.0
    tokens_per_hour: int | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "endpoint name")
        where = f"endpoint {self.name!r}: "
        if self.name == EMBEDDED:
            raise InvalidArgumentError(f"{where}this name is taken by the embedded responder; choose another.")
        model: Any = self.model
        if not isinstance(model, str) or not model.strip():
            raise InvalidArgumentError(f"{where}model must name the model as its provider does.")
        provider: Any = self.provider
        if not isinstance(provider, str) or provider not in PROVIDERS:
            raise InvalidArgumentError(
                f"{where}provider must be one of {', '.join(PROVIDERS)}; {provider!r:.80} is not."
            )
        _check_address(self.base_url, where)
        variable: Any = self.api_key_env
        if variable is not None and not (isinstance(variable, str) and _VARIABLE.fullmatch(variable)):
            # Whoever puts the key itself here must not find it in a log.
            raise InvalidArgumentError(f"{where}api_key_env must be the name of an environment variable, not the key.")
        takes: Any = self.takes
        if not isinstance(takes, (tuple, list)) or not takes or not all(sense in TAKES for sense in takes):
            raise InvalidArgumentError(f"{where}takes must be some of {', '.join(TAKES)}; {takes!r:.80} is not.")
        if "audio" in takes and (self.provider != "openai" or len(takes) > 1):
            raise InvalidArgumentError(
                f'{where}what transcribes does that alone and speaks the protocol of OpenAI: takes=("audio",) with '
                'provider="openai". Give a model that chats as well an endpoint of its own for that.'
            )
        msgspec.structs.force_setattr(self, "takes", tuple(takes))
        kinds: Any = self.kinds
        if not isinstance(kinds, (tuple, list)) or not all(kind in KINDS for kind in kinds):
            raise InvalidArgumentError(f"{where}kinds must be some of {', '.join(KINDS)}; {kinds!r:.80} is not.")
        msgspec.structs.force_setattr(self, "kinds", tuple(kinds))
        check_count(self.breaker_failures, f"{where}breaker_failures")
        check_seconds(self.breaker_seconds, f"{where}breaker_seconds")
        if self.tokens_per_hour is not None:
            check_count(self.tokens_per_hour, f"{where}tokens_per_hour")
        check_count(self.from_tokens, f"{where}from_tokens", minimum=0)
        cost: Any = self.cost
        if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not 0 <= cost < math.inf:
            raise InvalidArgumentError(f"{where}cost must be 0 or more; {cost!r:.80} is not.")
        check_count(self.max_output_tokens, f"{where}max_output_tokens")
        check_count(self.context_tokens, f"{where}context_tokens", minimum=self.max_output_tokens + 1)
        check_count(self.retries, f"{where}retries", minimum=0, maximum=10)
        msgspec.structs.force_setattr(self, "timeout", check_seconds(self.timeout, f"{where}timeout"))

    @property
    def address(self) -> str:
        """Where requests go."""
        return self.base_url or _BASE_URLS[self.provider]

    @property
    def key_variable(self) -> str | None:
        """The environment variable whose value is sent as the key, or ``None`` where no key is sent."""
        if self.api_key_env is None and self.base_url is None:
            return _KEY_VARIABLES.get(self.provider)
        return self.api_key_env


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The endpoints, in order of preference. Without one, the embedded responder answers everything.

    ``cache_size`` answers of models are kept for ``cache_seconds`` and given to questions of nearly the same words
    (``cache_likeness``, from 0 to 1) over the same passages; with 0, the default, none is.
    """

    endpoints: tuple[Endpoint, ...] = ()
    cache_size: int = 0
    cache_likeness: float = 0.95
    cache_seconds: float = 3_600.0

    def __post_init__(self) -> None:
        check_count(self.cache_size, "cache_size", minimum=0, maximum=10_000)
        check_seconds(self.cache_seconds, "cache_seconds")
        likeness: Any = self.cache_likeness
        if isinstance(likeness, bool) or not isinstance(likeness, (int, float)) or not 0 < likeness <= 1:
            raise InvalidArgumentError(f"cache_likeness must be above 0 and at most 1; {likeness!r:.80} is not.")
        endpoints: Any = self.endpoints
        if not isinstance(endpoints, (tuple, list)) or not all(isinstance(each, Endpoint) for each in endpoints):
            raise InvalidArgumentError(f"endpoints must be a tuple of Endpoint; {endpoints!r:.80} is not.")
        names = [endpoint.name for endpoint in endpoints]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidArgumentError(f"endpoints must have names of their own; {twice!r} is there twice.")
        msgspec.structs.force_setattr(self, "endpoints", tuple(endpoints))


def _check_address(value: Any, where: str) -> None:
    if value is None:
        return
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        fine = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, fine = None, False
    if parts is None or not fine:
        raise InvalidArgumentError(f"{where}base_url must be an http:// or https:// address; {value!r:.80} is not.")
    if "@" in parts.netloc:
        raise InvalidArgumentError(f"{where}base_url must hold no user and password; name a variable in api_key_env.")
