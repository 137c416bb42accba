"""The modules of one brain, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from companion_async.errors import DuplicateModuleError, InvalidArgumentError, UnknownModuleError
from companion_async.modules.lifecycle import Module
from companion_async.modules.order import start_order
from companion_async.modules.spec import ModuleSpec


class Registry:
    """Loop thread only. What it holds is always complete: every dependency of a module in it is in it too."""

    __slots__ = ("_modules",)

    def __init__(self) -> None:
        self._modules: dict[str, Module] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[Module]:
        """In the order of registration; a copy, so that modules may come and go meanwhile."""
        return iter(tuple(self._modules.values()))

    def __len__(self) -> int:
        return len(self._modules)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order of registration."""
        return tuple(self._modules)

    def check(self, specs: Iterable[ModuleSpec]) -> tuple[str, ...]:
        """The order in which to start ``specs`` if all may be added together; else raise and change nothing.

        `DuplicateModuleError` for a taken name, within the batch too, `UnknownModuleError` for a dependency that is
        neither registered nor in the batch, `DependencyCycleError` for a cycle.
        """
        batch: dict[str, tuple[str, ...]] = {}
        for spec in specs:
            if spec.name in self._modules or spec.name in batch:
                raise DuplicateModuleError(spec.name)
            batch[spec.name] = spec.depends_on
        try:
            # None of those that are there already depends on a new one: the new ones are in order by themselves.
            return start_order(batch, self._modules)
        except UnknownModuleError as error:
            raise UnknownModuleError(error.module, (*self._modules, *batch)) from None

    def add(self, *modules: Module) -> None:
        """Add all or, with an error as of `check`, none."""
        self.check(module.spec for module in modules)
        self._modules.update((module.name, module) for module in modules)

    def get(self, name: object) -> Module:
        """The module of that name; `UnknownModuleError` names those there are."""
        found = self._modules.get(name) if isinstance(name, str) else None
        if found is None:
            shown = name if isinstance(name, str) else repr(name)
            raise UnknownModuleError(shown[:80], self.names)
        return found

    def remove(self, name: str) -> Module:
        """Take a module out; refused while others depend on it."""
        module = self.get(name)
        self.check_unneeded(name)
        del self._modules[name]
        return module

    def check_unneeded(self, name: str) -> None:
        """`InvalidArgumentError` while others depend on ``name``."""
        if dependents := self.dependents(name):
            raise InvalidArgumentError(
                f"Module {name!r} cannot be unregistered while others need it: {', '.join(dependents)}. "
                "Unregister those first."
            )

    def dependents(self, name: str) -> tuple[str, ...]:
        """Who names ``name`` in ``depends_on``, in the order of registration."""
        return tuple(module.name for module in self._modules.values() if name in module.spec.depends_on)

    def in_start_order(self) -> tuple[Module, ...]:
        """Every module after those it depends on."""
        return tuple(self._modules[name] for name in start_order(self._table()))

    def in_stop_order(self) -> tuple[Module, ...]:
        """Every module before those it depends on."""
        return tuple(reversed(self.in_start_order()))

    def _table(self) -> dict[str, tuple[str, ...]]:
        return {name: module.spec.depends_on for name, module in self._modules.items()}
