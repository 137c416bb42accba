"""Pure: what a Python source file says about itself, from its syntax tree. Nothing of it is ever run.

As ``pydoc`` does, a comment right above a definition stands in for a missing docstring, and private names are left out.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator

import msgspec

from companion_async.cognition.corpus.markup import first_sentence

_SIGNATURE_LIMIT = 300
_BLANKS = re.compile(r"\s+")
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_LICENCE = re.compile(r"copyright|licen[cs]e|all rights reserved|-\*-|^!", re.IGNORECASE)

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Entry(msgspec.Struct, frozen=True):
    """One definition: ``path`` is its name inside the module, empty for the module itself."""

    path: tuple[str, ...]
    kind: str
    location: str
    signature: str
    doc: str

    @property
    def summary(self) -> str:
        """The first sentence or line of the documentation."""
        return first_sentence(self.doc)


class Exports(msgspec.Struct, frozen=True):
    """What a module offers beside its own definitions.

    ``names`` maps each module it imports from (with leading dots if relative) to the names taken, ``*`` for all.
    ``public`` is its ``__all__`` as far as that is written out, and ``complete`` says whether it is all of it.
    """

    names: dict[str, frozenset[str]] = {}
    public: frozenset[str] = frozenset()
    complete: bool = False

    def hands_on(self, module: str, name: str) -> bool:
        """Whether ``name`` of ``module`` is meant to be used from here."""
        taken = self.names.get(module, frozenset())
        starred = "*" in taken and not name.startswith("_")
        if name in self.public:
            return starred or name in taken
        return starred and not self.complete


def entries(tree: ast.Module, source: str, location: str) -> Iterator[Entry]:
    """The module and its public classes, functions and methods, in the order of the source.

    Locations are ``location`` and the line. What has no documentation but is a class or named in ``__all__`` stands
    there with its signature alone.
    """
    lines = source.splitlines()
    doc = ast.get_docstring(tree) or _assigned_doc(tree) or _comment_at_top(lines)
    yield Entry((), "module", f"{location}:1", "", doc)
    yield from _members(tree.body, (), lines, location, exports(tree).public)


def _members(
    body: list[ast.stmt], path: tuple[str, ...], lines: list[str], location: str, public: frozenset[str]
) -> Iterator[Entry]:
    seen: set[str] = set()
    for node in _definitions(body):
        if node.name.startswith("_") or node.name in seen:
            continue
        inner = (*path, node.name)
        is_class = isinstance(node, ast.ClassDef)
        doc = ast.get_docstring(node) or _comment_above(lines, node)
        initializer = next((n for n in _definitions(node.body) if n.name == "__init__"), None) if is_class else None
        if initializer is not None:
            doc = "\n\n".join(part for part in (doc, ast.get_docstring(initializer) or "") if part)
        signature = _signature(lines, initializer or node, path or is_class) if initializer or not is_class else ""
        if doc or is_class or (not path and node.name in public):
            # A second definition of the name (another platform, a property's setter) adds nothing for a reader.
            seen.add(node.name)
            yield Entry(inner, "class" if is_class else "function", f"{location}:{node.lineno}", signature, doc)
        if is_class and len(path) < 4:
            yield from _members(node.body, inner, lines, location, public)


def _definitions(body: list[ast.stmt]) -> Iterator[_Definition]:
    """Definitions of a body, those under ``if`` and ``try`` included: that is where platforms differ."""
    for node in body:
        if isinstance(node, _Definition):
            yield node
        elif isinstance(node, ast.If):
            yield from _definitions(node.body)
            yield from _definitions(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _definitions(node.body)
            for handler in node.handlers:
                yield from _definitions(handler.body)
            yield from _definitions(node.orelse)


def _signature(lines: list[str], node: _Definition, method: object) -> str:
    if isinstance(node, ast.ClassDef):
        return ""
    first = node.body[0]
    header = lines[node.lineno - 1 : first.lineno]
    if first.lineno > node.lineno:
        header = header[:-1]
    else:
        header = [header[0][: first.col_offset]]
    text = "\n".join(header)
    if "#" in text or not text.rstrip().endswith(":"):
        text = f"({ast.unparse(node.args)}):"
    opening = text.find("(")
    closing = text.rfind(")")
    arguments = _BLANKS.sub(" ", text[opening + 1 : closing]).strip().strip(",")
    if method:
        arguments = re.sub(r"^(self|cls)\b\s*,?\s*", "", arguments)
    return f"({arguments[:_SIGNATURE_LIMIT]})"


def _assigned_doc(tree: ast.Module) -> str:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name("__doc__")], value=ast.Constant(str(text))):
                return inspect.cleandoc(text)
    return ""


def imported(source: str) -> frozenset[str]:
    """The top-level names of the modules that ``source`` imports, wherever it does."""
    return frozenset(match[1] for match in _IMPORT.finditer(source))


def _comment_above(lines: list[str], node: _Definition) -> str:
    line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 2
    comment: list[str] = []
    while line >= 0 and lines[line].lstrip().startswith("#"):
        comment.append(lines[line].strip())
        line -= 1
    return _uncomment(comment[::-1])


def _comment_at_top(lines: list[str]) -> str:
    """The first block of comments that is about the module, not about whom it belongs to."""
    block: list[str] = []
    for line in [*lines[:60], ""]:
        stripped = line.strip()
        if stripped.startswith("#"):
            block.append(stripped)
        elif block:
            text = _uncomment(block)
            if text and not any(_LICENCE.search(part) for part in block):
                return text
            block = []
        if stripped and not stripped.startswith("#"):
            break
    return ""


def _uncomment(block: list[str]) -> str:
    text = "\n".join(line.lstrip("#").removeprefix(" ").rstrip() for line in block).strip("\n -=#*")
    # Rulers and lone markers are layout, not words.
    return inspect.cleandoc(text) if sum(character.isalpha() for character in text) > 12 else ""


def exports(tree: ast.Module) -> Exports:
    """What the module imports by name at its top level, and what its ``__all__`` says."""
    names: dict[str, set[str]] = {}
    public: set[str] = set()
    said = computed = False
    for node in _flat(tree.body):
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names.setdefault(module, set()).update(
                alias.name for alias in node.names if alias.asname in (None, alias.name)
            )
        elif (value := _added_to_all(node)) is not None:
            said = True
            public.update(n.value for n in ast.walk(value) if isinstance(n, ast.Constant) and isinstance(n.value, str))
            computed = computed or not isinstance(value, (ast.List, ast.Tuple, ast.Constant))
    return Exports(
        {module: frozenset(taken) for module, taken in names.items()}, frozenset(public), said and not computed
    )


def _added_to_all(node: ast.stmt) -> ast.expr | None:
    """What the statement puts into ``__all__``, if it does."""
    match node:
        case ast.Assign(targets=[ast.Name("__all__")], value=value) | ast.AugAssign(
            ast.Name("__all__"), ast.Add(), value
        ):
            return value
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("__all__"), "append" | "extend"), [value])):
            return value
    return None


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If):
            yield from _flat(node.body)
            yield from _flat(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _flat(node.body)
            for handler in node.handlers:
                yield from _flat(handler.body)
            yield from _flat(node.orelse)
        else:
            yield node
