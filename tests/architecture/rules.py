"""What the house's habits are, as functions from a source tree to the places that break them."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "companion_async"

# A room imports only from lower floors. `errors` is the ground: the other words of floor 1 raise from its family.
FLOORS = {
    "errors": 0,
    **dict.fromkeys(("priority", "clock", "security", "sketch"), 1),
    **dict.fromkeys(("locks", "events"), 2),
    **dict.fromkeys(("state", "memory", "journal"), 3),
    **dict.fromkeys(("modules", "offload"), 4),
    "scheduling": 5,
    "status": 6,
    "health": 7,
    "autonomy": 8,
    "brain": 9,
    "cognition": 10,
    "companion": 11,
    "http": 12,
    **dict.fromkeys(("cli", "sdk", "integrations", "dashboard"), 13),
    "__main__": 14,
}
VOCABULARY_FLOOR = 1
IMPORTED_BY_NOBODY = "testing"
# Rooms whose `__init__` is a door: `sdk` to users, as the package's own is, and `security`, one for the whole house.
DOORS = frozenset({"sdk", "security"})

PURE_MARK = "Pure:"
ACTS = frozenset(
    {
        "_thread",
        "anyio",
        "asyncio",
        "concurrent",
        "logging",
        "loguru",
        "multiprocessing",
        "queue",
        "random",
        "secrets",
        "threading",
        "time",
        "uvloop",
    }
)
MUST_BE_PURE = (
    "scheduling/policies.py",
    "scheduling/dependencies.py",
    "autonomy/rules.py",
    "autonomy/governor.py",
    "health/checks.py",
    "sketch.py",
    "modules/order.py",
)
WALL = 400  # lines
SAYS_NOTHING = frozenset(
    {"base", "common", "core", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
)


@dataclass(frozen=True)
class Import:
    """One imported module, as an absolute dotted name, and the line that asks for it."""

    module: str
    line: int
    typing_only: bool


@dataclass(frozen=True)
class Source:
    """A parsed file: ``name`` is its path below the root it was read from, with forward slashes."""

    name: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The folder or file right under the package; empty for the front door."""
        first = self.name.split("/", 1)[0].removesuffix(".py")
        return "" if first == "__init__" else first

    @property
    def module(self) -> str:
        """Its dotted name in the package."""
        parts = self.name.removesuffix(".py").split("/")
        return ".".join([PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts)])

    def imports(self) -> list[Import]:
        """Every import wherever it stands: at the top, in a function, under ``TYPE_CHECKING``, by `import_module`."""
        return list(self._imports(self.tree, typing_only=False))

    def _imports(self, node: ast.AST, *, typing_only: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.Import(names=names):
                    for alias in names:
                        yield Import(alias.name, child.lineno, typing_only)
                case ast.ImportFrom():
                    origin = self._origin(child)
                    # `from package import name` may mean a module of that name, and then that is what is imported.
                    for alias in child.names:
                        yield Import(f"{origin}.{alias.name}", child.lineno, typing_only)
                case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__")):
                    if child.args and isinstance(child.args[0], ast.Constant):
                        yield Import(str(child.args[0].value), child.lineno, typing_only)
                case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                    for part in child.body:
                        yield from self._imports(ast.Module([part], []), typing_only=True)
                    for part in child.orelse:
                        yield from self._imports(ast.Module([part], []), typing_only=typing_only)
                    continue
            yield from self._imports(child, typing_only=typing_only)

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.module.split(".")
        if not self.name.endswith("__init__.py"):
            package = package[:-1]
        package = package[: len(package) - node.level + 1]
        return ".".join([*package, *([node.module] if node.module else [])])


def read(root: Path, folder: str = "") -> list[Source]:
    """Every Python file under ``root/folder``, in the order of the names."""
    return [
        Source(path.relative_to(root).as_posix(), text := path.read_text(encoding="utf-8"), ast.parse(text, str(path)))
        for path in sorted((root / folder).rglob("*.py"))
    ]


def looks_up(sources: Iterable[Source]) -> list[str]:
    """Imports that open upwards, sideways, through the front door, or into the tools for tests."""
    found = []
    for source in sources:
        if source.room in ("", IMPORTED_BY_NOBODY):
            continue
        if source.room not in FLOORS:
            found.append(f"{source.name}: {source.room} has no floor")
            continue
        found += [
            f"{source.name}:{wanted.line}: {source.room} imports {wanted.module}: {wrong}"
            for wanted in source.imports()
            if (wrong := _wrong(source.room, wanted.module))
        ]
    return found


def _wrong(room: str, module: str) -> str:
    package, _, rest = module.partition(".")
    if package != PACKAGE:
        foreign = FLOORS[room] <= VOCABULARY_FLOOR and package not in {
            *sys.stdlib_module_names,
            "msgspec",
            "__future__",
        }
        return "the vocabulary needs the standard library and msgspec only" if foreign else ""
    target = rest.split(".")[0]
    if target == room:
        return ""
    if target == IMPORTED_BY_NOBODY:
        return "nobody imports the tools for tests"
    if target not in FLOORS:
        return "the front door is for users; name the file"
    if FLOORS[target] == FLOORS[room]:
        return f"both live on floor {FLOORS[room]} and are strangers"
    return f"floor {FLOORS[room]} looks up to floor {FLOORS[target]}" if FLOORS[target] > FLOORS[room] else ""


def cycles(sources: Iterable[Source]) -> list[str]:
    """A circle of files that import each other, lazily or not; annotations do not count."""
    files = {source.module: source for source in sources}
    graph: dict[str, set[str]] = {}
    for module, source in files.items():
        names = [wanted.module for wanted in source.imports() if not wanted.typing_only]
        targets = {name if name in files else name.rpartition(".")[0] for name in names}
        graph[module] = {target for target in targets if target in files and target not in (module, PACKAGE)}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


def acts_in_thought(sources: Iterable[Source]) -> list[str]:
    """Pure files that act, and files that must be pure and do not say so."""
    found = []
    for source in sources:
        pure = (ast.get_docstring(source.tree) or "").startswith(PURE_MARK)
        if source.name in MUST_BE_PURE and not pure:
            found.append(f"{source.name}: its docstring must begin with {PURE_MARK!r}")
        if pure:
            acts = [wanted for wanted in source.imports() if wanted.module.split(".")[0] in ACTS]
            found += [f"{source.name}:{wanted.line}: a pure file imports {wanted.module}" for wanted in acts]
    return found


def past_the_wall(sources: Iterable[Source]) -> list[str]:
    """Files of more lines than one reads at a sitting."""
    counts = {source.name: len(source.text.splitlines()) for source in sources}
    return [f"{name}: {count} lines, the wall is {WALL}" for name, count in counts.items() if count > WALL]


def says_nothing(sources: Iterable[Source]) -> list[str]:
    """Files and folders whose name fits anything."""
    parts = {source.name: source.name.removesuffix(".py").split("/") for source in sources}
    return [f"{name}: choose a noun" for name, stems in parts.items() if SAYS_NOTHING.intersection(stems)]


def crowded_rooms(sources: Iterable[Source]) -> list[str]:
    """Rooms whose ``__init__`` holds more than a docstring of one line."""
    found = []
    for source in sources:
        if not source.room or not source.name.endswith("__init__.py"):
            continue
        if source.name == f"{source.room}/__init__.py" and source.room in DOORS:
            continue
        docstring = ast.get_docstring(source.tree)
        if docstring is None or "\n" in docstring or len(source.tree.body) > 1:
            found.append(f"{source.name}: a one-line docstring and nothing else")
    return found


def silent_tests(sources: Iterable[Source]) -> list[str]:
    """Tests that do not say which promise they keep."""
    return [
        f"{source.name}:{node.lineno}: {node.name} has no docstring"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]


def sleepers(sources: Iterable[Source]) -> list[str]:
    """Waits for an amount of real time: each is a guess about how long something takes."""
    return [
        f"{source.name}:{node.lineno}: {ast.unparse(node)} guesses about time"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "sleep"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("asyncio", "anyio", "time")
        and node.args
        and not (isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]
