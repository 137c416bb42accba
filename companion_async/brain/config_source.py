"""From TOML files and ``COMPANION_...`` variables to a settings struct, refusing every key that does not exist."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from companion_async.errors import InvalidArgumentError

PREFIX = "COMPANION_"
FOREIGN = frozenset({"COMPANION_LOG_LEVEL"})
"""Variables under the prefix that are not settings of a brain: the command line reads them."""

S = TypeVar("S", bound=msgspec.Struct)


class SettingsMeta(msgspec.StructMeta):
    """Makes a struct refuse keywords that it has no field for as its files and variables are refused, with the nearest
    name that there is; msgspec's own way is a bare `TypeError`.
    """

    def __call__(cls, *args: Any, **settings: Any) -> Any:
        for key in settings:
            if key not in cls.__struct_fields__:
                raise InvalidArgumentError(_unknown(key, None, (), cls.__struct_fields__))
        return super().__call__(*args, **settings)


class _FromEnvironment(str):
    """A value that came as text and may be read as the number, flag or list that its key asks for."""

    __slots__ = ("variable",)
    variable: str

    def __new__(cls, text: str, variable: str) -> _FromEnvironment:
        made = super().__new__(cls, text)
        made.variable = variable
        return made


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables; a file that cannot be read or is not TOML raises `InvalidArgumentError`."""
    import tomllib  # read by few programs, and not needed by `import companion_async`

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgumentError(f"Config file {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise InvalidArgumentError(f"Config file {path} is not TOML: {error}.") from error


def read_environment(env: Mapping[str, str]) -> dict[str, Any]:
    """The variables under the prefix as nested tables, ``__`` opening the next level; names are taken in any case."""
    tables: dict[str, Any] = {}
    for variable in sorted(env):
        text = env[variable]
        if not variable.startswith(PREFIX) or variable in FOREIGN or not text.strip():
            continue
        *path, last = variable[len(PREFIX) :].lower().split("__")
        table = tables
        for step in path:
            table = table.setdefault(step, {})
            if not isinstance(table, dict):
                raise InvalidArgumentError(f"{variable} and {PREFIX}{step.upper()} set the same key; keep one of them.")
        if isinstance(table.get(last), dict):
            raise InvalidArgumentError(f"{variable} and a variable inside of it set the same key; keep one of them.")
        table[last] = _FromEnvironment(text.strip(), variable)
    return tables


def build_settings(cls: type[S], *layers: Mapping[str, Any]) -> S:
    """A ``cls`` made from ``layers``, later ones over earlier ones, table by table."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _laid_over(merged, layer)
    return _build(cls, merged, ())


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        known = result.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        result[key] = _laid_over(known, value) if both and isinstance(known, Mapping) else value
    return result


def _build(cls: type[S], table: Mapping[str, Any], path: tuple[str, ...]) -> S:
    fields = {field.name: field for field in msgspec.structs.fields(cls)}
    for key, value in table.items():
        if key not in fields:
            raise InvalidArgumentError(_unknown(key, value, path, fields))
    misfits: list[str] = []
    made = {key: _value(fields[key].type, value, (*path, key), misfits) for key, value in table.items()}
    try:
        built = cls(**made)
    except InvalidArgumentError as error:
        # The struct says best what would be right, but the tables around it are known only here.
        raise (InvalidArgumentError(f"[{'.'.join(path)}] {error.message}") if path else error) from None
    except (TypeError, ValueError) as error:
        misfits.append(f"[{'.'.join(path)}] is not right: {error}.")
    if misfits:
        raise InvalidArgumentError(misfits[0])
    return built


def _value(wanted: Any, value: Any, path: tuple[str, ...], misfits: list[str]) -> Any:
    """``value`` as the type ``wanted``; where that cannot be, ``value`` as it is and a line in ``misfits``."""
    struct = _struct_in(wanted)
    if isinstance(value, Mapping) and get_origin(wanted) is dict:
        inner_type = get_args(wanted)[1]
        return {name: _value(inner_type, inner, (*path, name), misfits) for name, inner in value.items()}
    if isinstance(value, Mapping) and struct is not None:
        return _build(struct, value, path)
    if isinstance(value, list) and struct is not None:
        return tuple(_value(struct, inner, (*path, str(index)), misfits) for index, inner in enumerate(value))
    try:
        if isinstance(value, _FromEnvironment):
            return _from_text(wanted, value, path, misfits)
        return msgspec.convert(value, wanted)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        misfits.append(f"{_variable_in(value) or '.'.join(path)} is not right: {error}.")
        return str(value) if isinstance(value, str) else value


def _from_text(wanted: Any, value: _FromEnvironment, path: tuple[str, ...], misfits: list[str]) -> Any:
    options = get_args(wanted)
    if type(None) in options and value.lower() in ("none", "null"):
        return None
    if get_origin(wanted) not in (tuple, dict) and _struct_in(wanted) is None:
        return msgspec.convert(str(value), wanted, strict=False)
    if wanted == tuple[str, ...] and not value.startswith("["):
        return tuple(part for part in value.split(os.pathsep) if part)
    return _value(wanted, msgspec.json.decode(str(value)), path, misfits)


def _struct_in(wanted: Any) -> type[msgspec.Struct] | None:
    """The struct that ``wanted`` is, or that it holds as a tuple, as a dict or as an optional."""
    for candidate in (wanted, *get_args(wanted)):
        if isinstance(candidate, type) and issubclass(candidate, msgspec.Struct):
            return candidate
    return None


def _unknown(key: str, value: Any, path: tuple[str, ...], known: Iterable[str]) -> str:
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(key, names, n=1)
    variable = _variable_in(value)
    if variable is None:
        shown, place = ".".join((*path, key)), f" of [{'.'.join(path)}]" if path else ""
        hint = ".".join((*path, near[0])) if near else ""
    else:
        shown, place = variable, ""
        hint = PREFIX + "__".join((*path, near[0])).upper() if near else ""
    advice = f"Did you mean {hint}?" if hint else f"The keys{place} are: {', '.join(names)}."
    return f"{shown} is no setting. {advice}"


def _variable_in(value: Any) -> str | None:
    while isinstance(value, Mapping) and value:
        value = next(iter(value.values()))
    return value.variable if isinstance(value, _FromEnvironment) else None
