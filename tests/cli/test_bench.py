from __future__ import annotations

from companion_async.cli import app as cli
from companion_async.cli import bench
from companion_async.cli.process import MISUSED, OK


def test_it_runs_the_harness_of_the_checkout(capfd, monkeypatch, tmp_path):
    """Its arguments are the harness's own, its help too, wherever one stands, whatever is called the same there."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__main__.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    assert cli._outcome(["bench", "--help"]) == OK
    assert "python -m benchmarks [SUITE ...]" in capfd.readouterr().out


def test_its_exit_code_is_the_harness_s(capfd):
    """A suite that is not there is refused by the harness, and that is how the command ends."""
    assert cli._outcome(["bench", "no_such_suite", "--quick"]) == MISUSED
    assert "no_such_suite" in capfd.readouterr().err


def test_an_installed_package_says_where_to_get_it(capsys, monkeypatch, tmp_path):
    """Without a checkout around it there is nothing to run: one line says how to get one, with the code of misuse."""
    monkeypatch.setattr(bench, "CHECKOUT", tmp_path)
    assert cli._outcome(["bench", "throughput"]) == MISUSED
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "source distribution" in err
    assert "make bench" in err
