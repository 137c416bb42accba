"""The documentation of the Python standard library, as the running interpreter carries it.

Sources are read, not imported; only compiled modules, which have no source here, are asked for their docstrings.
"""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path

import msgspec

from companion_async.cognition.corpus.compiled import compiled_entries, is_compiled
from companion_async.cognition.corpus.document import Document, Reading, ReadJob
from companion_async.cognition.corpus.markup import first_sentence, restructured_text_sections
from companion_async.cognition.corpus.python_documents import python_documents
from companion_async.cognition.corpus.python_source import Entry, Exports, entries, exports, imported
from companion_async.cognition.corpus.subjects import subjects
from companion_async.cognition.corpus.syntax import syntax_tree

# Not documentation of anything a program would import: tests, demos, programs, jokes, vendored copies, inner parts
# that public modules hand on under their own names, and what has been removed since.
_NAMES_LEFT_OUT = (
    "test tests idlelib idle_test lib2to3 turtledemo distutils site-packages __pycache__ pydoc_data this antigravity "
    "__phello__ __hello__ _bundled posix nt ntpath genericpath nturl2path sre_compile sre_constants sre_parse"
)
_LEFT_OUT = frozenset(_NAMES_LEFT_OUT.split())
# Of these the package alone says something; its many modules are tables.
_ONLY_ITSELF = frozenset({"encodings"})
_NAMED_OTHERWISE = {"posixpath": "os.path"}
# Not private by name, but only there for others to hand on.
_INNER = frozenset({"posix", "nt", "genericpath"})
# Python modules that hold compiled classes under names of their own.
_HOLD_COMPILED = frozenset({"re", "threading"})
_PUBLIC_DESPITE_NAME = frozenset({"__future__", "_thread"})
_LARGEST_SOURCE = 2_000_000


def standard_library_jobs() -> list[ReadJob]:
    """A job for each public module or package of the standard library, the built-in names, and the language topics."""
    root = Path(sysconfig.get_path("stdlib"))
    jobs = []
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        name = path.stem if path.suffix == ".py" else path.name
        if not _is_public(name):
            continue
        if path.suffix == ".py":
            files: tuple[str, ...] = (str(path),)
        elif (path / "__init__.py").is_file():
            files = tuple(map(str, _package_files(path)))
        else:
            continue
        jobs.append(ReadJob(name, "library", files, (name,) if name in _HOLD_COMPILED else (), str(root)))
    seen = {job.name for job in jobs}
    jobs.extend(
        ReadJob(name, "library", (), (name,), str(root))
        for name in sorted(sys.stdlib_module_names - seen)
        if _is_public(name) and is_compiled(name)
    )
    topics = root / "pydoc_data" / "topics.py"
    if topics.is_file():
        jobs.append(ReadJob("topics", "topics", (str(topics),), (), str(root)))
    return jobs


def _is_public(name: str) -> bool:
    return name in _PUBLIC_DESPITE_NAME or not (name.startswith("_") or name in _LEFT_OUT)


def _package_files(package: Path) -> Iterator[Path]:
    if package.name in _ONLY_ITSELF:
        yield package / "__init__.py"
        return
    for folder, inner, files in os.walk(package):
        inner[:] = sorted(name for name in inner if _is_public(name))
        yield from (Path(folder) / file for file in sorted(files) if file.endswith(".py") and file != "__main__.py")


def read_topics(job: ReadJob) -> Reading:
    """The topics that ``help()`` of this interpreter knows, by section.

    What is a topic of its own and a section of a larger one as well is told once, as its own.
    """
    location = f"{Path(job.root).name}/pydoc_data/topics.py"
    try:
        tree = syntax_tree(Path(job.paths[0]).read_text(encoding="utf-8"))
        literal = next(
            node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        )
        topics: dict[str, str] = ast.literal_eval(literal)
    except (OSError, SyntaxError, ValueError, StopIteration) as error:
        return Reading((), (f"{location}: not read ({type(error).__name__})",))
    documents = []
    told: set[str] = set()
    for topic, text in sorted(topics.items(), key=lambda each: (len(each[1]), each[0])):
        for number, section in enumerate(restructured_text_sections(text)):
            if section.text in told:
                continue
            told.add(section.text)
            documents.append(
                Document(
                    id=f"topic:{topic}#{number}",
                    title=" > ".join(section.headings) or topic,
                    location=f"help({topic!r})",
                    text=section.text,
                    kind="topic",
                    summary=first_sentence(section.text),
                    context="\n".join((*section.headings[:-1], subjects(f"topic:{topic}"))),
                    group=f"topic:{topic}",
                    depth=1,
                )
            )
    return Reading(tuple(documents), ())


class _Module(msgspec.Struct):
    name: str
    entries: list[Entry]
    exports: Exports
    package: bool = False
    imported: frozenset[str] = frozenset()


def read_library(job: ReadJob) -> Reading:
    """The documents of one job; what cannot be read is told in the notes.

    What a module hands on from a private module, a compiled one or a part of its package is told under the name that
    a program uses, and only there: ``asyncio.to_thread``, not ``asyncio.threads.to_thread``.
    """
    shelf = _Shelf(Path(job.root))
    for file in job.paths:
        shelf.parse(Path(file))
    for name in job.extensions:
        if name in shelf.modules:
            shelf.modules[name].entries.extend(compiled_entries(name, whole=False))
        else:
            shelf.modules[name] = _Module(name, list(compiled_entries(name)), Exports())
    public = [name for name in shelf.modules if all(_is_public(part) for part in name.split("."))]
    documents: dict[str, Document] = {}
    told: set[tuple[str, str]] = set()
    # Packages come before their parts, so the shorter name wins.
    for name in sorted(public, key=lambda name: (name.count("."), name)):
        chosen: dict[tuple[str, ...], Entry] = {}
        for entry, origins in shelf.offered(shelf.modules[name]):
            if entry.path and (name, entry.path[0]) in told:
                continue
            told.update((origin, entry.path[0]) for origin in origins if entry.path)
            known = chosen.get(entry.path)
            if known is None or len(entry.doc) > len(known.doc):
                chosen[entry.path] = entry
        shown = _NAMED_OTHERWISE.get(name, name)
        # Every module builds on the built-in names, and none says so.
        mentions = tuple(sorted({*shelf.modules[name].imported, "builtins"} - {job.name}))
        for document in python_documents(
            shown, chosen.values(), group=shown.partition(".")[0], mentions=mentions, subjects=subjects
        ):
            documents.setdefault(document.id, document)
    return Reading(tuple(documents.values()), tuple(shelf.notes))


def _stands_before(name: str, source: str) -> bool:
    """Whether what is in ``source`` is there to be used through ``name``: it is a part of it, or nobody's to import."""
    return source.startswith(f"{name}.") or any(not _is_public(part) for part in source.split("."))


class _Shelf:
    """The modules of one job, and those that they hand on from, each read at most once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules: dict[str, _Module] = {}
        self.notes: list[str] = []
        self._inner: dict[str, _Module | None] = {}

    def offered(self, module: _Module, seen: frozenset[str] = frozenset()) -> list[tuple[Entry, tuple[str, ...]]]:
        """Its own entries and those it hands on, each with the modules it came through."""
        found: list[tuple[Entry, tuple[str, ...]]] = [(entry, ()) for entry in module.entries]
        own = {entry.path[0] for entry in module.entries if entry.path}
        # A module knows itself better than what it is made of does.
        speaks = any(entry.doc for entry in module.entries if not entry.path)
        seen |= {module.name}
        for source, written in self._sources(module):
            if source.name in seen or not _stands_before(module.name, source.name):
                continue
            for entry, origins in self.offered(source, seen):
                if not entry.path:
                    handed = not speaks and source.name.lstrip("_").removeprefix("py") == module.name
                elif written:
                    handed = module.exports.hands_on(written, entry.path[0])
                else:
                    handed = entry.path[0] in module.exports.public - own
                if handed:
                    found.append((entry, (source.name, *origins)))
        return found

    def _sources(self, module: _Module) -> Iterator[tuple[_Module, str]]:
        """Modules that it imports from, each with how it writes it; then the parts that a package loads when asked."""
        for written in module.exports.names:
            source = self.source(module, written)
            if source is not None:
                yield source, written
        if module.package:
            yield from ((part, "") for name, part in self.modules.items() if name.rpartition(".")[0] == module.name)

    def parse(self, file: Path) -> _Module | None:
        location = f"{self.root.name}/{file.relative_to(self.root).as_posix()}"
        parts = file.relative_to(self.root).with_suffix("").parts
        package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if package else parts)
        try:
            if file.stat().st_size > _LARGEST_SOURCE:
                self.notes.append(f"{location}: left out, larger than {_LARGEST_SOURCE} bytes")
                return None
            with tokenize.open(file) as stream:
                source = stream.read()
            tree = syntax_tree(source)
            module = _Module(name, list(entries(tree, source, location)), exports(tree), package, imported(source))
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            self.notes.append(f"{location}: not read ({type(error).__name__})")
            return None
        self.modules[name] = module
        return module

    def source(self, module: _Module, written: str) -> _Module | None:
        """The module that ``written`` means in an import of ``module``, if it may be told under its name."""
        level = len(written) - len(written.lstrip("."))
        parts = module.name.split(".")
        above = parts[: len(parts) - level + module.package] if level else []
        target = ".".join([*above, *filter(None, [written[level:]])])
        if target in self.modules:
            return self.modules[target]
        if "." in target or not (target.startswith("_") or target in _INNER):
            return None
        if target not in self._inner:
            file = self.root / f"{target}.py"
            if file.is_file():
                inner = self.parse(file)
                self.modules.pop(target, None)
            else:
                inner = _Module(target, list(compiled_entries(target)), Exports()) if is_compiled(target) else None
            self._inner[target] = inner
        return self._inner[target]
