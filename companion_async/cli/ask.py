"""``companion ask``: of a companion that is made for the one question, or of a running server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from companion_async.cli.answers import answer_page
from companion_async.cli.companion import load_config, read, running, tell, what_is_read
from companion_async.cli.console import complain, console
from companion_async.cli.process import FAILED, OK
from companion_async.cli.reading import ReadingDisplay
from companion_async.cli.remote import NoAnswerError, answer_of, answering, check_url, post
from companion_async.companion.answer import Answer
from companion_async.companion.case import check_question
from companion_async.companion.reader import MOST_SOURCES
from companion_async.security import check_count


async def ask_once(
    question: str, docs: Sequence[str] | None, limit: int, as_json: bool, config_path: Path | None
) -> int:
    """Read, answer ``question``, print. The bar goes to standard error, so that a pipe gets the answer alone."""
    check_question(question)
    check_count(limit, "--limit", maximum=MOST_SOURCES)
    config = load_config(docs, config_path)
    async with running(config) as companion:
        with ReadingDisplay(Console(stderr=True), what_is_read(config), companion.status, plain=False) as display:
            learned = await read(companion, display)
        tell(learned, config)
        answer = await companion.ask(question, limit=limit)
    return _print(answer, as_json)


def ask_server(question: str, url: str, token: str | None, as_json: bool) -> int:
    """Have the server at ``url`` answer ``question``, and print what it says."""
    check_question(question)
    check_url(url)
    try:
        with answering(url):
            answer = answer_of(post(url, "/api/ask", token, {"question": question}))
    except NoAnswerError as error:
        complain(str(error))
        return FAILED
    return _print(answer, as_json)


def _print(answer: Answer, as_json: bool) -> int:
    if as_json:
        print(json.dumps(answer.to_dict(), indent=2, ensure_ascii=False))
    else:
        console().print(answer_page(answer))
    return OK
