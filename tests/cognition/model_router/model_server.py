"""A model server for tests: real HTTP on loopback, speaking the wire formats that the providers' SDKs read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ModelServer(ThreadingHTTPServer):
    """Answers every request with ``words``, and keeps what it was asked.

    ``status`` other than 200 refuses; ``break_after`` drops the connection after so many words; ``gate`` holds the
    answer back after its first word until it is set. ``refusals``: so many requests are refused with ``refusal`` and
    ``retry_after`` first. ``silence`` holds back everything until it is set; ``garbage`` sends events that are no JSON.
    """

    daemon_threads = False
    block_on_close = True

    def __init__(self, words: tuple[str, ...] = ("Use ", "`ZipFile`", " [1].")) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.words = words
        self.status = 200
        self.break_after: int | None = None
        self.gate: threading.Event | None = None
        self.refusals, self.refusal, self.retry_after = 0, 429, ""
        self.silence: threading.Event | None = None
        self.garbage = False
        self.hung_up = threading.Event()
        self.requests: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests, and nothing to print."""


@contextmanager
def serving(**facts: Any) -> Iterator[ModelServer]:
    """A running server, gone with all of its threads when the block ends."""
    server = ModelServer()
    for name, value in facts.items():
        setattr(server, name, value)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        for held in (server.gate, server.silence):
            if held is not None:
                held.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to standard error."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        heard = self.path.endswith("/audio/transcriptions")
        body: Any = sent if heard else json.loads(sent)
        server = self.server
        server.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
        if server.status != 200:
            self._refuse(server.status)
            return
        if server.refusals:
            server.refusals -= 1
            self._refuse(server.refusal)
            return
        if server.silence is not None:
            server.silence.wait()
        if heard:
            self._transcribed()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        events = _openai_events if self.path.endswith("/chat/completions") else _anthropic_events
        try:
            if server.garbage:
                self.wfile.write(b"event: message_start\ndata: {not json\n\n")
                return
            for number, event in enumerate(events(body["model"], server.words)):
                if server.break_after is not None and number > server.break_after:
                    return
                self.wfile.write(event)
                self.wfile.flush()
                if number == 1 and server.gate is not None:
                    self._wait(server.gate)
        except OSError:
            server.hung_up.set()

    def _transcribed(self) -> None:
        server = self.server
        text = b"<html>no JSON</html>" if server.garbage else _transcription(server.words)
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if server.garbage else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text if server.break_after is None else text[: server.break_after])

    def _wait(self, gate: threading.Event) -> None:
        """Until the gate opens or the client hangs up; comments keep the stream alive, as real servers' do."""
        while not gate.wait(0.01):
            self.wfile.write(b": keep-alive\n\n")
            self.wfile.flush()

    def _refuse(self, status: int) -> None:
        text = b'{"error": {"message": "Incorrect API key provided: sk-secret", "type": "refused"}}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(text)


def _transcription(words: tuple[str, ...]) -> bytes:
    usage = {"type": "tokens", "input_tokens": 11, "output_tokens": 3, "total_tokens": 14}
    return json.dumps({"text": "".join(words), "usage": usage}).encode()


def _openai_events(model: str, words: tuple[str, ...]) -> Iterator[bytes]:
    def chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
        head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model}
        return b"data: " + json.dumps({**head, "choices": choices, **more}).encode() + b"\n\n"

    yield chunk([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
    for word in words:
        yield chunk([{"index": 0, "delta": {"content": word}, "finish_reason": None}])
    yield chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    yield chunk([], usage={"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14})
    yield b"data: [DONE]\n\n"


def _anthropic_events(model: str, words: tuple[str, ...]) -> Iterator[bytes]:
    def event(kind: str, **data: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()

    message: dict[str, Any] = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 1},
    }
    yield event("message_start", message=message) + event(
        "content_block_start", index=0, content_block={"type": "text", "text": ""}
    )
    for word in words:
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 3})
    yield event("message_stop")
