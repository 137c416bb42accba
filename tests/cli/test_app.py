from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from companion_async.cli import app as cli
from companion_async.cli.process import FAILED, INTERRUPTED, MISUSED, OK
from tests.cli.patience import PATIENCE

pytestmark = pytest.mark.feature("CB-57")

COMMAND = [sys.executable, "-c", "from companion_async.cli.app import main; main()"]


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "tea.md").write_text("# Tea\n\nGreen tea is brewed with water of 70 degrees.\n", encoding="utf-8")
    (folder / "coffee.md").write_text("# Coffee\n\nAn espresso is pressed at nine bar.\n", encoding="utf-8")
    return str(folder)


def outcome(*argv):
    return cli._outcome(argv)


def test_help_lists_every_command(capsys):
    """The help names each command, and ends well."""
    assert outcome("--help") == OK
    page = capsys.readouterr().out
    assert all(f" {command} " in page for command in ("ask", "chat", "demo", "serve", "status", "modules", "decisions"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("frobnicate",), 'Unknown command "frobnicate"'),
        (("ask",), "ask needs a question"),
        (("ask", "--docs", "a", "b"), "ask needs a question"),
        (("ask", "x", "--lmit", "3"), "Did you mean"),  # `--limit`, quoted or not, as the parser's version has it
        (("ask", "x", "--limit", "three"), "--limit"),
        (("ask", "x", "--docs", "/no/such/place"), "/no/such/place"),
        (("ask", "x", "--docs", ""), "an empty one is none"),
        (("chat", "--docs", "here", " "), "an empty one is none"),
        (("demo", "--docs"), "--docs needs the path"),
        (("ask", "x", "--config", "/no/such/file.toml"), "cannot be read"),
        (("demo", "surplus"), "surplus"),
        (("ask", "x", "--url", "http://127.0.0.1:9", "--docs", "here"), "--url asks a server"),
        (("ask", "x", "--url", "here"), "--url must be an http:// or https:// address"),
        (("--install-completion", "--shell", "tcsh"), "tcsh"),
        (("status", "--url"), "--url"),
        (("status", "--url", "here"), "--url must be an http:// or https:// address"),
        (("decisions", "--limit", "0"), "--limit must be a whole number"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(argv, said, capsys):
    """Whatever is typed wrongly is told in one line on standard error, with the code 2."""
    assert outcome(*argv) == MISUSED
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("companion: ")
    assert said in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("ask", "x", "--limit", "0"), "--limit must be a whole number from 1 to 50; 0 is not."),
        (("ask", "x" * 20_001), "question must be text of 1 to 20,000 characters"),
        (("ask", "x", "--docs", ""), "--docs needs the path"),
    ],
)
def test_what_could_be_known_is_told_before_anything_is_read(argv, said, monkeypatch, capsys):
    """No companion is started for a question that will be refused."""
    monkeypatch.setattr("companion_async.companion.companion.CompanionBrain.start", None)
    assert outcome(*argv) == MISUSED
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", [("ask", "x"), ("chat",), ("demo",)])
def test_documents_that_are_none_are_told_with_what_is_read(command, tmp_path, capsys):
    """A folder without anything to read is no source of answers: one line says so and which kinds are read."""
    (tmp_path / "picture.png").write_bytes(b"no text")
    assert outcome(*command, "--docs", str(tmp_path)) == MISUSED
    _, err = capsys.readouterr()
    assert err.startswith(f"companion: {tmp_path}: nothing in it can be read")
    assert "Markdown (.md)" in err
    assert err.count("\n") == 1


def test_one_place_among_others_without_documents_is_told(documents, tmp_path, capsys):
    """The answer comes from the others."""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert outcome("ask", "How hot is green tea?", "--docs", str(empty), documents) == OK
    out, err = capsys.readouterr()
    assert "70 degrees" in out
    assert err.startswith(f"companion: {empty}: nothing in it can be read")


def test_a_wrong_setting_is_bad_usage(monkeypatch, capsys):
    """An environment variable that does not exist is told with the one that does."""
    monkeypatch.setenv("COMPANION_MAX_THREDS", "4")
    assert outcome("ask", "x") == MISUSED
    assert "Did you mean COMPANION_MAX_THREADS?" in capsys.readouterr().err


def test_a_bug_is_one_line_and_exit_1(monkeypatch, capsys):
    """An error that nobody foresaw is one line that says where to look, not a page of traceback."""
    monkeypatch.setattr(cli, "run", lambda main: main.close() or 1 / 0)
    assert outcome("ask", "x") == FAILED
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "ZeroDivisionError" in err
    assert "COMPANION_LOG_LEVEL" in err


def test_an_exit_from_below_is_a_code_like_any_other(monkeypatch):
    """Where a library ends the process by itself, our own end still follows, with its code."""

    def end(main):
        main.close()
        raise SystemExit(3)

    monkeypatch.setattr(cli, "run", end)
    assert outcome("ask", "x") == 3


def test_ask_prints_the_answer_with_its_source(documents, capsys):
    """The answer, its source, its responder and its timings, as plain lines without trailing blanks."""
    assert outcome("ask", "How", "hot", "should", "water", "for", "green", "tea", "be?", "--docs", documents) == OK
    out, err = capsys.readouterr()
    assert "  Green tea is brewed with water of 70 degrees. [1]\n" in out
    assert "tea.md" in out
    assert "embedded-extractive in " in out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert "\x1b" not in out
    assert err == ""


def test_ask_as_json(documents, capsys):
    """With --json the answer is the same as data."""
    assert outcome("ask", "How hot should water for green tea be?", "--docs", documents, "--json") == OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["responder"] == "embedded-extractive"
    assert answer["sources"][0]["location"].endswith("tea.md:1")


def test_ask_takes_several_places(documents, tmp_path, capsys):
    """--docs takes files and folders, as many as are named."""
    more = tmp_path / "more.txt"
    more.write_text("Rooibos is brewed for ten minutes.\n", encoding="utf-8")
    assert outcome("ask", "How long is rooibos brewed?", "--docs", documents, str(more)) == OK
    assert "ten minutes" in capsys.readouterr().out


def test_what_was_left_out_is_told(documents, capsys):
    """A file that cannot be read is named on standard error, and the answer comes all the same."""
    Path(documents, "broken.md").write_bytes(b"\x00\x01" * 50)
    assert outcome("ask", "How hot should water for green tea be?", "--docs", documents) == OK
    out, err = capsys.readouterr()
    assert "70 degrees" in out
    assert "broken.md" in err


def test_nothing_found_is_an_answer(documents, capsys):
    """A question that nothing answers is answered with just that, and the command has done its work."""
    assert outcome("ask", "Who won the football world championship in Brazil?", "--docs", documents) == OK
    assert "Nothing that was read answers this" in capsys.readouterr().out


@pytest.mark.feature("U-5")
def test_the_log_can_be_turned_on(documents, monkeypatch, capsys):
    """COMPANION_LOG_LEVEL shows the log on standard error; the question itself is not in it."""
    monkeypatch.setenv("COMPANION_LOG_LEVEL", "debug")
    assert outcome("ask", "How hot should water for green tea be?", "--docs", documents) == OK
    out, err = capsys.readouterr()
    assert "INFO" in err
    assert "Read 2 documents" in err
    assert "green tea be" not in err
    assert "Read 2 documents" not in out


@pytest.mark.feature("CB-21", "CB-25")
def test_the_demo_shows_it_all_and_ends_by_itself(documents, capsys):
    """Reading, answers, priorities, threads and decisions, in plain lines where there is no terminal."""
    assert outcome("demo", "--docs", documents) == OK
    page = capsys.readouterr().out
    steps = ["100 %: ", "Read 2 passages", "How do I", "searches at low priority", "threads ", "all  ", "decisions "]
    places = [page.index(step) for step in steps]
    assert places == sorted(places)
    for module in ("model_router", "context_manager", "knowledge_retriever", "search_engine"):
        row = next(line.split() for line in page.splitlines() if line.split()[:1] == [module])
        assert int(row[1].replace(",", "")) > 0


@pytest.mark.timeout(300)
@pytest.mark.feature("CB-42", "CB-43")
def test_the_demo_answers_from_the_running_pythons_documentation():
    """What `make run` runs ends by itself with code 0, and finds the right module for each of its questions."""
    done = subprocess.run([*COMMAND, "demo"], capture_output=True, text=True, timeout=290, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answers = done.stdout.split("How ")[1:]
    for right in ("zipfile", "asyncio.to_thread", "argparse", "shutil.rmtree"):
        assert any(f"]  {right}" in answer for answer in answers), right


def test_ctrl_c_is_one_line_and_130():
    """An interrupted command shuts its brain down and ends with one line and the code that shells expect."""
    with subprocess.Popen([*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline(), process.stderr.read()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    first, *rest = err.splitlines()
    assert (process.returncode, first) == (INTERRUPTED, "companion: Interrupted.")
    # A reader's thread that a busy machine does not let come to its end in time is left behind, and that is said.
    assert all("still running after" in line for line in rest[:1]), err
    assert len(rest) <= 1


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_leaves_is_no_error(form, documents):
    """When whoever reads our output goes away, as `head` does, there is no traceback."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "ask", "How hot is green tea?", "--docs", documents, *form],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (FAILED, "")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's closing is of POSIX")
@pytest.mark.parametrize(("closing", "shown"), [("<&-", True), (">&-", False), ("2>&-", True), ("<&- >&- 2>&-", False)])
def test_closed_streams_are_no_fault(closing, shown, documents):
    """A starter of services may close the standard streams: the command does its work all the same."""
    line = shlex.join([*COMMAND, "ask", "How hot is green tea?", "--docs", documents])
    done = subprocess.run(f"{line} {closing}", shell=True, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (b"Green tea" in done.stdout) == shown


def test_any_encoding_will_do(documents):
    """On a terminal that knows nothing but ASCII the demo still ends well."""
    done = subprocess.run(
        [*COMMAND, "demo", "--docs", documents],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()


def test_the_shell_can_complete_commands_and_options(tmp_path):
    """`--install-completion` writes a script that bash takes, and names it in the start-up file once."""
    env = {**os.environ, "HOME": str(tmp_path), "SHELL": "/bin/bash"}
    for _ in range(2):
        done = subprocess.run(
            [*COMMAND, "--install-completion", "--shell", "bash"], env=env, capture_output=True, text=True
        )
        assert done.returncode == OK, done.stderr
    (script,) = (path for path in tmp_path.rglob("companion*") if path.is_file())
    subprocess.run(["bash", "-n", str(script)], check=True)
    written = script.read_text()
    assert all(word in written for word in ("decisions", "serve", "--docs", "--limit"))
    assert (tmp_path / ".bashrc").read_text().count("# Load companion completion") == 1
