"""``companion chat``: a conversation at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from anyio.from_thread import start_blocking_portal
from rich.console import Console, Group
from rich.text import Text

from companion_async.cli.answers import answer_foot, answer_page
from companion_async.cli.companion import load_config, read, running, tell, what_is_read
from companion_async.cli.console import complain, console
from companion_async.cli.partner import Here, Partner, There
from companion_async.cli.process import FAILED, OK, loop_name
from companion_async.cli.reading import ReadingDisplay
from companion_async.cli.remote import NoAnswerError, check_url
from companion_async.cognition.model_router.settings import EMBEDDED
from companion_async.companion.answer import Answer
from companion_async.errors import CompanionError

_HELP = """\
/new      begin a new conversation
/history  what was said
/threads  the threads at work
/help     this list
/quit     end; so do Ctrl-D and Ctrl-C on an empty line. Ctrl-C clears a line, and stops an answer"""


def chat_until_end(docs: Sequence[str] | None, config_path: Path | None) -> int:
    """Read lines from standard input and answer each, until it ends.

    The loop runs in a thread of its own, because the line editor belongs to the main one.
    """
    config = load_config(docs, config_path)
    out = console()
    backend_options = {"use_uvloop": loop_name() == "uvloop"}
    with (
        start_blocking_portal("asyncio", backend_options) as portal,
        portal.wrap_async_context_manager(running(config)) as companion,
    ):
        with ReadingDisplay(Console(stderr=True), what_is_read(config), companion.status, plain=False) as display:
            learned = portal.call(read, companion, display)
        tell(learned, config)
        return _Session(Here(companion, portal), out).run()


def chat_with_server(url: str, token: str | None) -> int:
    """`chat_until_end` with the companion of the server at ``url``. Where it does not answer, a line says so: at a
    terminal the next question may be asked when it is back, lines of a pipe end there with exit code 1.
    """
    check_url(url)
    partner = There(url, token)
    try:
        partner.greet()
        return _Session(partner, console()).run()
    except NoAnswerError as error:
        complain(str(error))
        return FAILED


class _Session:
    def __init__(self, partner: Partner, out: Console) -> None:
        self._partner = partner
        self._out = out
        self._interactive = sys.stdin.isatty() and sys.stdout.isatty()

    def run(self) -> int:
        if self._interactive:
            self._out.print(Text("Ask away. /help lists what else there is; Ctrl-D ends.", style="dim"))
        for line in self._typed() if self._interactive else _given():
            if line.strip() in ("/quit", "/exit"):
                break
            try:
                self._take(line.strip())
            except KeyboardInterrupt:
                self._out.print(Text("\n(stopped)", style="yellow"))
            except CompanionError as error:
                complain(error.message)
            except NoAnswerError as error:
                if not self._interactive:
                    raise
                complain(str(error))
        return OK

    def _typed(self) -> Iterator[str]:
        """The lines that are typed, until the terminal's end or an interrupt on an empty line."""
        import readline  # gives input() its line editing

        while True:
            try:
                line = input("\nyou> ")
            except EOFError:
                print()
                return
            except KeyboardInterrupt:
                print()
                if not readline.get_line_buffer():
                    return
            else:
                yield line

    def _take(self, line: str) -> None:
        if line == "/help":
            self._out.print(_HELP)
        elif line == "/new":
            self._partner.forget()
            self._out.print(Text("A new conversation.", style="dim"))
        elif line == "/history":
            for role, text in self._partner.history():
                self._out.print(Text.assemble((f"{role}: ", "bold"), text))
        elif line == "/threads":
            self._out.print(self._partner.threads())
        elif line.startswith("/"):
            complain(f"there is no {line.split()[0]}; /help lists what there is.")
        elif line:
            if not self._interactive:
                self._out.print(Text(f"you> {line}", style="bold"))
            self._answer(line)
            if not self._interactive:
                self._out.print()

    def _answer(self, question: str) -> None:
        speaker = ""
        with closing(self._partner.ask(question)) as parts:
            for item in parts:
                if isinstance(item, Answer):
                    self._out.print(answer_page(item) if not speaker else Group("\n", answer_foot(item)))
                    continue
                if speaker and speaker != item.responder:
                    self._out.print(Text(f"\n({speaker} broke off; {item.responder} begins anew)\n", style="yellow"))
                speaker = item.responder if self._interactive and item.responder != EMBEDDED else ""
                if speaker:
                    self._out.print(Text(item.text), end="", soft_wrap=True)


def _given() -> Iterator[str]:
    """The lines of standard input. One without an end is the last: a terminal would have to say its end twice."""
    for line in sys.stdin:
        yield line
        if not line.endswith("\n"):
            return
