"""The command ``companion``: what can be typed, and what becomes of mistakes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, CycloptsError, Group, Parameter, UnusedCliTokensError
from loguru import logger

from companion_async.cli.console import complain, open_closed_streams, speak_any_encoding
from companion_async.cli.process import FAILED, INTERRUPTED, MISUSED, OK, leave, run, set_up_log
from companion_async.errors import CompanionError, InvalidArgumentError

DEFAULT_URL = "http://127.0.0.1:8765"

_READING = Group("Reading and answering", sort_key=1)
_WATCHING = Group("Serving, and watching a running server", sort_key=2)
_MEASURING = Group("Measuring", sort_key=3)
_OTHER = Group("Options", sort_key=4)

Docs = Annotated[
    list[str] | None,
    Parameter(
        name="--docs",
        consume_multiple=True,
        negative=(),
        help="Files or folders to read (text, Markdown, reStructuredText, HTML, Python; PDF with the extra documents). "
        "Without any: the documentation of the running Python.",
    ),
]
Config = Annotated[
    Path | None, Parameter(name="--config", help="A TOML file with settings; COMPANION_... variables win over it.")
]
Json = Annotated[bool, Parameter(name="--json", negative=(), show_default=False, help="Print JSON.")]
Url = Annotated[str, Parameter(name="--url", help="Where the server listens.")]
ServerUrl = Annotated[str | None, Parameter(name="--url", help="Ask the server that runs there instead of reading.")]
Token = Annotated[
    str | None,
    Parameter(name="--token", env_var="COMPANION_TOKEN", show_env_var=True, help="Its token, if it has one."),
]


def _version() -> str:
    try:
        return version("companion-async")
    except PackageNotFoundError:
        return "unknown (not installed)"


app = App(
    name="companion",
    help="A companion that reads documents through bounded, watched worker threads and answers questions with sources.",
    help_epilogue="COMPANION_LOG_LEVEL=DEBUG companion ... shows the log on standard error.",
    version=lambda: f"companion-async {_version()}",
    suppress_keyboard_interrupt=False,
)
app["--help"].group = (_OTHER,)
app["--version"].group = (_OTHER,)
app.register_install_completion_command(
    group=_OTHER, help="Have the shell complete commands and options (bash, zsh, fish), in its start-up file too."
)


@app.command(group=_READING, usage='Usage: companion ask "QUESTION" [--docs PATH ...] [OPTIONS]')
def ask(
    *question: Annotated[str, Parameter(help="What to ask; quotation marks are only needed for the shell's sake.")],
    docs: Docs = None,
    limit: Annotated[int | None, Parameter(help="How many sources to rest the answer on, at most; 5.")] = None,
    json: Json = False,
    config: Config = None,
    url: ServerUrl = None,
    token: Token = None,
) -> int:
    """Answer one question, with its sources, and end."""
    from companion_async.cli.ask import ask_once, ask_server

    text = " ".join(question).strip()
    if not text:
        raise InvalidArgumentError('ask needs a question, and before --docs, as in: companion ask "..." --docs PATH')
    if url is None:
        return run(ask_once(text, docs, 5 if limit is None else limit, json, config))
    if (docs, limit, config) != (None, None, None):
        raise InvalidArgumentError("--url asks a server that has its own settings: leave --docs, --limit and --config.")
    return ask_server(text, url, token, json)


@app.command(group=_READING)
def chat(*, docs: Docs = None, config: Config = None, url: ServerUrl = None, token: Token = None) -> int:
    """Talk: one question after the other, each seen in the light of the ones before. Ends at Ctrl-D."""
    from companion_async.cli.chat import chat_until_end, chat_with_server

    if url is None:
        return chat_until_end(docs, config)
    if (docs, config) != (None, None):
        raise InvalidArgumentError("--url asks a server that has its own settings: leave --docs and --config.")
    return chat_with_server(url, token)


@app.command(group=_READING)
def demo(*, docs: Docs = None, config: Config = None) -> int:
    """Show it all: read a body of documents in parallel, ask questions, print the threads and the decisions taken."""
    from companion_async.cli.demo import demonstrate

    return run(demonstrate(docs, config))


@app.command(group=_WATCHING)
def serve(
    *,
    host: Annotated[str, Parameter(help="Where to listen; beyond this machine only with a token.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="The port; 0 takes a free one.")] = 8765,
    token: Annotated[
        str | None,
        Parameter(name="--token", env_var="COMPANION_TOKEN", show_env_var=True, help="What callers have to bring."),
    ] = None,
    docs: Docs = None,
    config: Config = None,
    grace: Annotated[float, Parameter(help="Seconds that open work has when the server is asked to end.")] = 5.0,
) -> int:
    """Serve a companion over HTTP, with its page, until Ctrl-C or SIGTERM."""
    from companion_async.cli.serve import serve as serve_until_end

    return serve_until_end(host, port, token, docs, config, grace)


@app.command(group=_WATCHING)
def status(*, url: Url = DEFAULT_URL, token: Token = None, json: Json = False) -> int:
    """Show a running server's threads, by category and module."""
    from companion_async.cli.remote import show_status

    return show_status(url, token, json)


@app.command(group=_WATCHING)
def modules(*, url: Url = DEFAULT_URL, token: Token = None, json: Json = False) -> int:
    """Show a running server's modules and how they are doing."""
    from companion_async.cli.remote import show_modules

    return show_modules(url, token, json)


@app.command(group=_WATCHING)
def decisions(
    *,
    limit: Annotated[int, Parameter(help="How many, the newest last.")] = 50,
    url: Url = DEFAULT_URL,
    token: Token = None,
    json: Json = False,
) -> int:
    """Show what a running server decided by itself, why, and what came of it."""
    from companion_async.cli.remote import show_decisions

    return show_decisions(limit, url, token, json)


@app.command(group=_WATCHING)
def top(
    *,
    url: Url = DEFAULT_URL,
    token: Token = None,
    every: Annotated[float, Parameter(help="Seconds between two looks.")] = 1.0,
) -> int:
    """Watch a running server's threads, modules and decisions live. Ends at q or Ctrl-C."""
    from companion_async.cli.top import watch

    return watch(url, token, every)


@app.command(group=_MEASURING, help_flags=[], version_flags=[], usage="Usage: companion bench [SUITE ...] [OPTIONS]")
def bench(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True, help="See companion bench --help.")]) -> int:
    """Measure the runtime beside its peers on this machine; in a source checkout only."""
    from companion_async.cli.bench import bench as run_benchmarks

    return run_benchmarks(arguments)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process: 0 done, 1 failed, 2 misused, 130 interrupted."""
    leave(_outcome(argv))


def _outcome(argv: Sequence[str] | None) -> int:
    try:
        open_closed_streams()
        speak_any_encoding()
        set_up_log(os.environ.get("COMPANION_LOG_LEVEL"))
        code = app(argv, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except UnusedCliTokensError as error:
        surplus = " ".join(error.unused_tokens or ())
        complain(f"{surplus!r} is one argument too many, or an option misspelt (companion --help shows what there is)")
        return MISUSED
    except CycloptsError as error:
        complain(f"{error} (companion --help shows what there is)")
        return MISUSED
    except InvalidArgumentError as error:
        complain(error.message)
        return MISUSED
    except CompanionError as error:
        complain(error.message)
        return FAILED
    except KeyboardInterrupt:
        complain("Interrupted.")
        return INTERRUPTED
    except SystemExit as end:
        # rich ends the process like this when its reader has gone; stuck threads must not keep it from ending.
        return end.code if isinstance(end.code, int) else FAILED
    except BrokenPipeError:
        # Whoever reads has gone, as in `companion decisions | head`; the interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        logger.opt(exception=error).error("The command failed.")
        complain(f"{type(error).__name__}: {error} (COMPANION_LOG_LEVEL=ERROR shows where)")
        return FAILED
    return code if isinstance(code, int) else OK
