"""Modules that other packages bring along."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from companion_async.modules.plugins import find_plugins, load_plugins

SOURCE = """
from companion_async.modules.module import BaseModule
from companion_async.modules.spec import ModuleSpec

class Crawler(BaseModule):
    def run(self):
        return 1

class NoModule:
    def run(self):
        return 1

SPEC = ModuleSpec("spec", Crawler, category="phase3")

def one():
    return ModuleSpec("one", Crawler)

def several():
    yield ModuleSpec("several-1", Crawler)
    yield ModuleSpec("several-2", Crawler)

def nothing():
    return []

def raises():
    raise RuntimeError("broken inside")

def exits():
    raise SystemExit(3)

def wrong():
    return [3]

def text():
    return "text"

def mixed():
    return [ModuleSpec("mixed", Crawler), ModuleSpec("a b", Crawler)]

def twins():
    return [ModuleSpec("twin", Crawler), ModuleSpec("twin", Crawler)]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution on the path as an installer leaves it: its modules beside a .dist-info folder."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name, entry_points, **sources):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "".join(f"{point} = {value}\n" for point, value in entry_points)
        (info / "entry_points.txt").write_text(f"[other.group]\nx = nowhere\n\n[companion_async.modules]\n{lines}")
        for module, source in sources.items():
            (tmp_path / f"{module}.py").write_text(source)
        importlib.invalidate_caches()

    yield install
    for module in [name for name in sys.modules if name.startswith("plug_")]:
        del sys.modules[module]


def loaded():
    found = load_plugins()
    return sorted(spec.name for spec in found.specs), {failure.name: failure for failure in found.failures}


def test_without_plug_ins_there_is_nothing():
    """On a bare installation no module and no failure is found."""
    assert loaded() == ([], {})


def test_a_start_without_plug_ins_does_not_import_the_metadata_of_packages():
    """In a process of its own, which looks through its whole path; a path with an archive on it is looked through as
    the interpreter does it.
    """
    look = (
        "import sys; from companion_async.modules.plugins import find_plugins; {}; "
        "print(find_plugins(), 'importlib.metadata' in sys.modules)"
    )
    for change, says in (("pass", "() False"), (f"sys.path.append({__file__!r})", "() True")):
        ran = subprocess.run([sys.executable, "-c", look.format(change)], capture_output=True, text=True, check=True)
        assert ran.stdout.strip() == says


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("plug_good:SPEC", ["spec"]),
        ("plug_good:Crawler", ["point"]),
        ("plug_good:one", ["one"]),
        ("plug_good:several", ["several-1", "several-2"]),
        ("plug_good:nothing", []),
    ],
)
def test_an_installed_distribution_brings_its_modules(install, value, names):
    """A spec, a BaseModule subclass under the entry point's name, or a function that returns specs."""
    install("plug", [("point", value)], plug_good=SOURCE)
    assert loaded() == (names, {})


def test_finding_imports_nothing(install):
    """The plug-ins can be listed without importing any; loading imports them."""
    install("plug", [("b", "plug_lazy:Crawler"), ("a", "plug_lazy:SPEC")], plug_lazy=SOURCE)
    assert [(point.name, point.value) for point in find_plugins()] == [
        ("a", "plug_lazy:SPEC"),
        ("b", "plug_lazy:Crawler"),
    ]
    assert "plug_lazy" not in sys.modules
    assert loaded() == (["b", "spec"], {})


BROKEN = [
    ("plug_bad:raises", "RuntimeError", "broken inside"),
    ("plug_bad:exits", "SystemExit", "3"),
    ("plug_bad:wrong", "InvalidArgumentError", "it gave an object of type 'int'"),
    ("plug_bad:text", "InvalidArgumentError", "it gave an object of type 'str'"),
    ("plug_bad:NoModule", "InvalidArgumentError", "must be a ModuleSpec"),
    ("plug_bad:mixed", "InvalidArgumentError", "no module name"),
    ("plug_bad:twins", "DuplicateModuleError", "twin"),
    ("plug_bad:missing", "AttributeError", "missing"),
    ("plug_absent:x", "ModuleNotFoundError", "plug_absent"),
    ("plug_syntax:x", "SyntaxError", ""),
    ("plug_exit:x", "SystemExit", "at import"),
]


@pytest.mark.parametrize(("value", "error", "says"), BROKEN, ids=lambda value: str(value)[:30])
def test_a_broken_plug_in_is_reported_and_the_others_load(install, value, error, says):
    """Whatever it raises, at import or when called, it gives a failure with its package, and nothing half-done."""
    install(
        "plug",
        [("broken", value), ("good", "plug_bad:Crawler")],
        plug_bad=SOURCE,
        plug_syntax="def x(:",
        plug_exit="raise SystemExit('at import')",
    )
    names, failures = loaded()
    assert names == ["good"]
    assert list(failures) == ["broken"]
    failure = failures["broken"]
    assert (failure.value, failure.distribution, failure.error) == (value, "plug", error)
    assert says in failure.message


def test_a_bad_name_is_reported(install):
    """An entry point whose name cannot be a module's name is a failure, not a module of another name."""
    install("plug", [("not a name", "plug_named:Crawler")], plug_named=SOURCE)
    names, failures = loaded()
    assert names == []
    assert failures["not a name"].error == "InvalidArgumentError"


def test_the_second_of_a_name_is_reported(install):
    """Two packages that bring modules of one name: the first in order of name and value stays, the other is told of."""
    install("one", [("same", "plug_one:Crawler")], plug_one=SOURCE)
    install("two", [("same", "plug_two:Crawler")], plug_two=SOURCE)
    found = load_plugins()
    assert [spec.module.__module__ for spec in found.specs] == ["plug_one"]
    assert [(failure.distribution, failure.error) for failure in found.failures] == [("two", "DuplicateModuleError")]
