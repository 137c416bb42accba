"""A program: every built-in module does work of a size that it is made for, and what the event loop's thread did
meanwhile is printed as JSON, module by module. In an interpreter of its own, so that each first use is one.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from companion_async.cognition.advanced_reasoning.planning import Action
from companion_async.cognition.autonomous_system.rules import Goal
from companion_async.cognition.decoding.settings import DecodingSettings
from companion_async.cognition.model_router.prompt import Medium, Passage, Prompt
from companion_async.cognition.model_router.settings import Endpoint, ModelSettings
from companion_async.cognition.web_crawler.settings import CrawlerSettings
from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings
from tests.cognition.corpus.test_pdf import made_of
from tests.cognition.model_router.model_server import ModelServer, serving
from tests.cognition.web_crawler.site import Site
from tests.cognition.web_crawler.site import serving as serving_site

OURS = {"companion_async", "tests", *sys.stdlib_module_names}
PARAGRAPH = (
    "The harbour of Tarn was dug in 1871. Its crane lifts twelve tons; the engineer Ada Brandt drew it in Oslo. "
)
MOST = 0.1
"""Seconds of its thread's processor time for which the loop may look at nothing else."""

Work = Callable[[], Awaitable[Any]]


class Watch:
    """Looks at the thread of a loop: its processor time between two looks at the selector, what it imports, and which
    files it opens.
    """

    def __init__(self, loop: Any) -> None:
        self._thread = threading.get_ident()
        self._selector, self._select = loop._selector, loop._selector.select
        self._began = time.thread_time()
        self._stack: list[str] = []
        self._over = threading.Event()
        self.begin()
        loop._selector.select = self._selected
        sys.addaudithook(self._audit)
        self._sampler = threading.Thread(target=self._sample)
        self._sampler.start()

    def begin(self) -> None:
        """Forget what was seen."""
        self.longest, self.stack = 0.0, list[str]()
        self.imported, self.opened = set[str](), set[str]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._sampler.join()
        self._selector.select = self._select

    def _selected(self, timeout: float | None = None) -> Any:
        took = time.thread_time() - self._began
        if took > self.longest:
            self.longest, self.stack = took, self._stack
        try:
            return self._select(timeout)
        finally:
            self._stack = []
            self._began = time.thread_time()

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if threading.get_ident() != self._thread:
            return
        if event == "import" and args[0].partition(".")[0] not in OURS:
            self.imported.add(args[0])
        elif event == "open" and isinstance(args[0], str):
            self.opened.add(args[0])

    def _sample(self) -> None:
        """What the loop is about, for whoever has to mend it."""
        while not self._over.wait(0.01):
            frame = sys._current_frames().get(self._thread)
            seen = list[str]()
            while frame is not None and len(seen) < 12:
                seen.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}")
                frame = frame.f_back
            self._stack = seen


class Town:
    """What an agent sees: a thousand things go on at its place."""

    def access_tile(self, tile: tuple[int, int]) -> dict[str, Any]:
        events = {(f"person{number}", "is", "singing", f"song {number}") for number in range(1000)}
        return {"world": "town", "sector": "square", "events": events, "game_object": "well"}


def works(brain: CompanionBrain, folder: Path, site: str) -> dict[str, Work]:
    """Work for each module, by its name."""
    # A machine that stands still for a minute is none of theirs.
    submit = partial(brain.submit, timeout=None)
    passages = tuple(Passage(f"Page {number}", f"page:{number}", PARAGRAPH * 40) for number in range(10))
    turns = [(f"What of it, number {number}?", PARAGRAPH * 10) for number in range(100)]

    async def pictures() -> None:
        def made() -> bytes:
            import numpy
            from PIL import Image

            written = io.BytesIO()
            noise = numpy.random.default_rng(1).integers(0, 255, (3000, 4000, 3), dtype="uint8")
            Image.fromarray(noise).save(written, "BMP")
            return written.getvalue()

        content = await asyncio.to_thread(made)  # 36 MB
        await submit("multimodal_processor", "process", content)

    async def retriever() -> None:
        await brain.learn(folder)
        for _ in range(3):
            await submit("knowledge_retriever", "retrieve", "Which year was the harbour of Tarn dug, and by whom?", 50)

    async def router() -> None:
        for question in ("Who drew the crane of the harbour?", "Summarise what is known of the crane."):
            await submit("model_router", "answer", Prompt(question, passages))
        await submit("model_router", "transcribe", Medium("audio/flac", bytes(20 * 2**20)))
        await submit("model_router", "extract", Prompt("Who drew the crane of the harbour?", passages))

    async def contexts() -> None:
        for question, answer in turns:
            await submit("context_manager", "exchange", "long", question, answer)
        await submit("context_manager", "window", "long")

    async def crawler() -> None:
        async for _ in submit("web_crawler", "crawl", site).items():
            pass

    async def executor() -> None:
        await submit("code_executor", "execute", "print('x' * 100 * 1000)")

    async def reasoning() -> None:
        for sum_ in ("What is 300!?", "Solve x^4 - 10*x^2 + 9 = 0", "integrate x^5 * exp(x)"):
            await submit("advanced_reasoning", "calculate", sum_)
        await submit(
            "advanced_reasoning", "satisfy", "1 {queen(X,1..8)} 1 :- X = 1..8. :- queen(X,Y), queen(Z,Y), X < Z."
        )
        await submit("advanced_reasoning", "reason", "Where was the engineer born who drew the crane of Tarn?")

    async def neural() -> None:
        import numpy

        for number, vector in enumerate(numpy.random.default_rng(1).normal(size=(300, 256)).tolist()):
            await submit("neural_reasoning", "store", f"pattern {number}", vector)
        await submit("neural_reasoning", "recall", vector)
        await submit("neural_reasoning", "concepts")
        await submit("neural_reasoning", "learn", "kinds", [vector] * 500, ["a", "b"] * 250)

    async def learning() -> None:
        for number in range(50):
            choice = await submit("self_learning", "choose", "route", ["a", "b", "c"], {"code": number % 2})
            await submit("self_learning", "learn", "route", choice.option, 1.0, {"code": number % 2})
        await submit("self_learning", "explain", "route")

    async def personality() -> None:
        await submit("personality_engine", "perceive", PARAGRAPH * 50)
        await submit("personality_engine", "style", PARAGRAPH * 50)

    async def optimizer() -> None:
        for _ in range(10):
            await submit("optimizer", "look")
        await submit("optimizer", "profile")
        await submit("optimizer", "propose")

    async def autonomous() -> None:
        for number in range(50):
            await submit(
                "autonomous_system", "set_goal", Goal(f"goal {number}", "success_rate", "planning", "at least", 0.99)
            )
        await submit("autonomous_system", "cycle")
        await submit("autonomous_system", "audit")

    async def planning() -> None:
        actions = tuple(Action(f"step{number}", adds=frozenset({f"fact{number}"})) for number in range(12))
        await brain.agents.add("ann", actions=actions)
        for number in range(50):
            await submit(
                "ann.planning", "add_goal", f"goal {number}", 0.5, kwargs={"wants": ["fact1", "fact2", "fact3"]}
            )
        await submit("ann.planning")

    async def mind() -> None:
        for number in range(100):
            await submit("converse", "hear", "bo", f"{PARAGRAPH} {number}")
        await submit("converse", "listen")

    async def questions() -> None:
        for question in ("What is 15% of 80?", "When was the harbour of Tarn dug?", PARAGRAPH * 10 + " Is that so?"):
            await brain.chat(question)

    async def several(*tasks: tuple[Any, ...]) -> None:
        for task in tasks:
            await submit(*task)

    scene = {"curr_tile": (2, 3), "maze": Town(), "other_agents": [SimpleNamespace(name=f"p{n}") for n in range(100)]}
    return {
        "knowledge_retriever": retriever,
        "search_engine": lambda: several(("search_engine", "search", 'crane "harbour of Tarn" dr*', 100)),
        "model_router": router,
        "context_manager": contexts,
        "web_crawler": crawler,
        "code_executor": executor,
        "advanced_reasoning": reasoning,
        "multimodal_processor": pictures,
        "neural_reasoning": neural,
        "self_learning": learning,
        "personality_engine": personality,
        "optimizer": optimizer,
        "autonomous_system": autonomous,
        "perception": lambda: several(("perception", "perceive", scene)),
        "planning": planning,
        "converse": mind,
        "retrieval": lambda: several(("retrieval", "run", "What was said of the harbour of Tarn?", 20)),
        "reflection": lambda: several(("reflection", "reflect")),
        "controller": lambda: several(("controller", "digest"), ("controller",)),
        "execution": lambda: several(("execution", "do", "wait"), ("execution",)),
        "companion": questions,
        "blocker": lambda: several(("blocker", "run")),
    }


async def main() -> None:
    gc.disable()  # it strikes whichever thread allocates: what it takes is no module's
    found: dict[str, Any] = {}
    with (
        Watch(asyncio.get_running_loop()) as watch,
        tempfile.TemporaryDirectory() as name,
        serving() as server,
    ):
        folder = Path(name)
        for number in range(40):
            (folder / f"page{number}.md").write_text(f"# Page {number}\n\n{PARAGRAPH * 200}", encoding="utf-8")
        (folder / "harbour.pdf").write_bytes(made_of(*[PARAGRAPH] * 50))
        async with serving_site(pages()) as site, companion(server) as brain:
            found["start"] = seen(watch)
            there = sorted(brain.status().module_threads)
            await brain.register("blocker", block, offload="loop")
            for module, work in works(brain, folder, site.url).items():
                watch.begin()
                await work()
                await asyncio.sleep(0)  # so that the selector ends the last stretch
                found[module] = seen(watch)
    print(json.dumps({"modules": there, "seen": found}))


def block() -> None:
    """All that no module may do on the loop: compute, open a file, import a library."""
    until = time.thread_time() + 2 * MOST
    while time.thread_time() < until:
        pass
    Path(__file__).read_text(encoding="utf-8")
    sys.modules.pop("rich.emoji", None)
    import rich.emoji  # noqa: F401


def companion(server: ModelServer) -> CompanionBrain:
    openai = Endpoint(
        name="here", model="m", base_url=f"{server.url}/v1", takes=("text", "image"), context_tokens=10**6
    )
    anthropic = Endpoint(
        name="other", model="m", provider="anthropic", base_url=server.url, kinds=("summary",), context_tokens=10**6
    )
    ears = Endpoint(name="ears", model="m", base_url=f"{server.url}/v1", takes=("audio",))
    return CompanionBrain(
        CompanionConfig(
            knowledge=KnowledgeSettings(documents=()),
            models=ModelSettings(endpoints=(openai, anthropic, ears)),
            decoding=DecodingSettings(seconds=3600),
            crawler=CrawlerSettings(delay=0.0, allow_addresses=("127.0.0.0/8",)),
        )
    )


def pages() -> Site:
    site = Site()
    links = "".join(f'<a href="/{number}">{number}</a>' for number in range(20))
    site.pages = {f"/{number}": f"<html><body><p>{PARAGRAPH * 100}</p>{links}</body></html>" for number in range(20)}
    site.pages["/"] = site.pages["/1"]
    return site


def seen(watch: Watch) -> dict[str, Any]:
    return {
        "longest": watch.longest,
        "stack": watch.stack,
        "imported": sorted(watch.imported),
        "opened": sorted(watch.opened),
    }


if __name__ == "__main__":
    asyncio.run(main())
