from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from companion_async.autonomy.decision import Decision, Outcome
from companion_async.cli import remote
from companion_async.cli.ask import ask_server
from companion_async.cli.process import FAILED, OK
from companion_async.errors import InvalidArgumentError
from companion_async.status.category import CategoryStatus
from companion_async.status.module import ModuleStatus, Percentiles
from companion_async.status.picture import FrozenMap
from companion_async.status.system import SystemStats, SystemStatus

NOW = datetime(2026, 11, 22, 12, 30, 5, tzinfo=UTC)
CRAWLER = ModuleStatus(
    name="web_crawler",
    state="running",
    category="phase3",
    priority="medium",
    tasks_completed=1234,
    tasks_failed=6,
    success_rate=0.995,
    running=3,
    queue_size=7,
    run_seconds=Percentiles(0.012, 0.250, 0.9),
)
STATUS = SystemStatus(
    timestamp=NOW,
    total_threads=6,
    active_threads=3,
    abandoned_threads=1,
    max_threads=50,
    auto_scaling=True,
    uptime=61.0,
    pending_tasks=7,
    categories=FrozenMap(
        {
            "core": CategoryStatus(name="core", max=10, configured=10),
            "phase3": CategoryStatus(name="phase3", active=3, total=5, max=8, configured=8, queued=7, abandoned=1),
        }
    ),
    module_threads=FrozenMap({"web_crawler": CRAWLER.brief()}),
    stats=SystemStats(total_threads_created=9, total_tasks_completed=1234, total_tasks_failed=6, threads_restarted=1),
    loop_lag_p99=0.004,
    memory_bytes=50 * 2**20,
)
DECISION = Decision(
    1,
    "scale_up",
    "phase3",
    FrozenMap({}),
    "every slot is busy and 7 tasks wait",
    True,
    NOW,
    Outcome("throughput", 10.0, 12.0, 12.5, True, 5.0),
)
PAGES = {
    "/api/threads/status": STATUS.to_dict(),
    "/api/modules": [CRAWLER.to_dict()],
    "/api/threads/decisions?limit=50": [DECISION.to_dict()],
    "/api/threads/decisions?limit=5": [DECISION.to_dict()],
    "/api/threads/decisions?limit=1": [],
}


@contextmanager
def serving(answer=None, code=200, raw=None):
    """A server that gives the pages, or one answer to everything; yields its address and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.do_GET()

        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            body = (
                raw if raw is not None else json.dumps(answer or {"success": True, "data": PAGES[self.path]}).encode()
            )
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_address():
    with serving() as (url, _):
        return url


def test_status_shows_categories_and_modules(capsys):
    """A running server's figures come out as one table: its categories, their modules, the house."""
    with serving() as (url, asked):
        assert remote.show_status(url, "hunter2", False) == OK
    page = capsys.readouterr().out
    rows = [line.split() for line in page.splitlines()]
    assert ["phase3", "(1", "abandoned)", "3", "2", "8", "7", "1,240"] in rows
    assert ["web_crawler", "1,240", "12", "ms", "250", "ms"] in rows
    assert ["all", "3", "2", "50", "7", "1,240"] in rows
    house = " ".join(page.split())
    assert "9 threads started, 1 replaced" in house
    assert "loop late by 4.0 ms at p99" in house
    assert "1 category without threads" in house
    assert {token for _, token in asked} == {"Bearer hunter2"}
    assert "hunter2" not in page


def test_modules_and_decisions(capsys):
    """The modules with their success, and each decision with its reason and its outcome."""
    with serving() as (url, _):
        assert remote.show_modules(url, None, False) == OK
        assert remote.show_decisions(50, url, None, False) == OK
    page = capsys.readouterr().out
    assert "web_crawler" in page
    assert "99.5%" in page
    assert "every slot is busy and 7 tasks wait" in page
    assert "throughput 10 -> 12.5 after 5.0 s: as expected" in page


def test_no_decision_is_said(capsys):
    """A server that had nothing to decide is not an empty table."""
    with serving() as (url, _):
        assert remote.show_decisions(1, url, None, False) == OK
    assert capsys.readouterr().out == "No decision was needed so far.\n"


def test_json(capsys):
    """With --json the data come out as they are."""
    with serving() as (url, _):
        assert remote.show_status(url, None, True) == OK
    assert json.loads(capsys.readouterr().out) == STATUS.to_dict()


@pytest.mark.parametrize("show", [remote.show_status, remote.show_modules, lambda *a: remote.show_decisions(5, *a)])
def test_no_server_is_one_line_and_exit_1(show, capsys):
    """Where nothing listens there is one line on standard error that says what to do, and the code 1."""
    assert show(free_address(), None, False) == FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "no server answers" in err
    assert "start one with: companion serve" in err


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"code": 401}, "wants a token"),
        ({"code": 403}, "wants a token"),
        ({"code": 503}, "starting or draining"),
        ({"code": 302}, "HTTP 302"),
        ({"code": 500}, "HTTP 500"),
        ({"raw": b"<html>"}, "no server of this kind"),
        ({"raw": b"[1]"}, "no server of this kind"),
        ({"answer": {"success": True, "data": {"hello": 1}}}, "no server of this kind"),
        ({"answer": {"success": False, "error": {}}}, "no server of this kind"),
    ],
)
def test_other_answers_are_one_line_and_exit_1(facts, said, capsys):
    """Whatever else answers is told in one line, follows no redirect, and never is a traceback."""
    with serving(**facts) as (url, _):
        assert remote.show_status(url, None, False) == FAILED
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


@pytest.mark.parametrize("url", ["localhost:8765", "file:///etc/passwd", "http://", ""])
def test_addresses_that_are_none(url):
    """Only an http address is asked; a file is never opened."""
    with pytest.raises(InvalidArgumentError, match="--url"):
        remote.show_status(url, None, False)


TOLD = {
    "answer": "Use `zipfile` [1].",
    "sources": [{"title": "zipfile", "location": "zipfile.rst", "excerpt": "..."}],
    "responder": "here",
    "found": True,
    "conversation": None,
    "note": "",
    "seconds": 0.5,
    "timings": {"search": 0.1},
}


def test_a_running_server_is_asked(capsys):
    """The answer comes out as one of a companion at hand: text, sources, who gave it; or as JSON."""
    with serving({"success": True, "data": TOLD}) as (url, asked):
        assert ask_server("How do I read a zip file?", url, "secret", as_json=False) == OK
        assert asked == [{"question": "How do I read a zip file?"}, ("/api/ask", "Bearer secret")]
        out = capsys.readouterr().out
        assert "Use `zipfile` [1]." in out
        assert "zipfile.rst" in out
        assert "here in 500 ms" in out
        assert ask_server("How?", url, None, as_json=True) == OK
        told = json.loads(capsys.readouterr().out)
        assert (told["text"], told["responder"]) == ("Use `zipfile` [1].", "here")


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"success": False}, 501, "there is nobody to ask"),
        ({"success": False}, 429, "too much to do"),
        ({"success": False}, 401, "wants a token"),
        ({"success": True, "data": {"answer": 5}}, 200, "of another version"),
        ({"success": True, "data": None}, 200, "of another version"),
    ],
)
def test_a_server_that_does_not_answer_a_question_is_one_line(capsys, answer, code, said):
    """Why, in one line on standard error, and exit code 1."""
    with serving(answer, code) as (url, _):
        assert ask_server("How?", url, None, as_json=False) == FAILED
    streams = capsys.readouterr()
    assert streams.out == ""
    assert said in streams.err
    assert streams.err.count("\n") == 1


def test_what_cannot_be_asked_is_refused_before_anybody_is(capsys):
    """An empty question and an address that is none are misuse."""
    for question, url in (("", "http://127.0.0.1:9"), ("How?", "ftp://here"), ("How?", "here")):
        with pytest.raises(InvalidArgumentError):
            ask_server(question, url, None, as_json=False)
