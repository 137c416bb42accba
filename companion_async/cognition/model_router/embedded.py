"""Pure: the responder that needs no model. It writes nothing of its own but what it says of having found nothing."""

from __future__ import annotations

from companion_async.cognition.extract import extract
from companion_async.cognition.model_router.prompt import Prompt
from companion_async.cognition.model_router.reply import Reply
from companion_async.cognition.model_router.settings import EMBEDDED

NOTHING_FOUND = "Nothing that was read answers this."
NOTHING_CLOSE = "Nothing that was read answers this; the passages that came nearest are about something else."


def embedded_reply(prompt: Prompt, kind: str) -> Reply:
    """The sentences of the passages that answer best, word for word, each part with its number."""
    fit = max((passage.fit for passage in prompt.passages), default=0.0)
    parts = extract(prompt.spelt_out or prompt.question, prompt.passages, fit=fit)
    if not parts:
        return Reply(NOTHING_CLOSE if prompt.passages else NOTHING_FOUND, EMBEDDED, kind, found=False)
    text = "\n\n".join(f"{part.text} [{number}]" for number, part in enumerate(parts, 1))
    return Reply(text, EMBEDDED, kind, tuple(part.passage for part in parts))
