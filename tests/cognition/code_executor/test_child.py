"""The launcher as its parent sees it: its report, its failures, and what is left of it."""

from __future__ import annotations

import shutil

import pytest

from companion_async.cognition.code_executor import child
from companion_async.cognition.code_executor.execution import SandboxFailedError
from tests.cognition.code_executor.left_behind import folders

pytestmark = pytest.mark.feature("CB-45")


def job(tier="none", timeout=30.0):
    return {"tier": tier, "path": [], "launcher_env": {}, "limits": {"timeout": timeout}}


def test_a_sandbox_that_fails_is_an_error_with_what_the_launcher_reports():
    """Not the end of a program: the sandbox and its complaint are named, and the folder is gone."""
    with pytest.raises(SandboxFailedError, match="The sandbox none failed: KeyError") as caught:
        child.launch(job(), lambda: True)
    assert (caught.value.tier, caught.value.detail) == ("none", "KeyError: 'none'")
    assert not folders()


@pytest.mark.parametrize(
    ("launcher", "told"),
    [
        ("raise SystemExit('it broke')", "it broke"),
        ("print('no report')", "it ended without a word"),
        ("print('[' * 100_000)", "it ended without a word"),
    ],
)
def test_a_launcher_that_tells_nothing_has_failed(monkeypatch, tmp_path, launcher, told):
    """What it wrote to stderr is the reason, as far as it wrote anything."""
    script = tmp_path / "launcher.py"
    script.write_text(launcher)
    monkeypatch.setattr(child, "_LAUNCHER", script)
    with pytest.raises(SandboxFailedError, match=told):
        child.launch(job(), lambda: True)
    assert not folders()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_launcher_that_does_not_end_is_ended(monkeypatch, tmp_path, wanted):
    """Some seconds after its own limit, or after it was told to end and did not."""
    script = tmp_path / "launcher.py"
    script.write_text("import signal\nwhile True:\n    signal.pause()")
    monkeypatch.setattr(child, "_LAUNCHER", script)
    monkeypatch.setattr(child, "_GRACE", 0.1)
    with pytest.raises(SandboxFailedError, match="it ended without a word"):
        child.launch(job(timeout=0.1 if wanted else 3600.0), lambda: wanted)
    assert not folders()


@pytest.mark.parametrize("error", [RecursionError, None])
def test_a_folder_deeper_than_python_can_go_is_removed(monkeypatch, tmp_path, error):
    """Whether Python runs out of calls within calls on the way down, or of open files, of which it is not told."""

    def gives_up(folder: str, ignore_errors: bool) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(shutil, "rmtree", gives_up)
    (tmp_path / "top" / "d").mkdir(parents=True)
    child._remove(str(tmp_path / "top"))
    assert not (tmp_path / "top").exists()
