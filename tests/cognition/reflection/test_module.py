"""Reflection as a module: due, in the background, with evidence that can be looked up."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from companion_async import Brain, BrainConfig
from companion_async.cognition.mind import Mind
from companion_async.cognition.reflection.module import TYPE, Reflected, Reflection
from companion_async.errors import StorageError
from companion_async.memory.long_term import Fact
from companion_async.state.coordinator import StateCoordinator


@pytest.fixture
def reflection(virtual_clock):
    module = Reflection(Mind("ann", clock=virtual_clock), threshold=2.0)
    module.brain = SimpleNamespace(state=StateCoordinator())
    module.start()
    yield module
    module.stop()


async def live(reflection, *events):
    for content, importance, more in events:
        reflection.mind.memory.observe(content, importance, **more)
        await reflection.mind.clock.advance(60)


MET = {"participants": {"bo"}, "location": "well", "valence": 0.8}
DUG = {"event_type": "dig", "location": "field"}


@pytest.mark.feature("PP-08")
async def test_it_reflects_once_enough_has_come_together(reflection):
    """Not before; and afterwards not again on the same."""
    await live(reflection, ("met", 0.6, MET), ("met again", 0.6, MET), ("dug", 0.2, DUG))
    first = reflection.run()
    assert (first.due, round(first.accumulated, 6)) == (False, 1.4)
    await live(reflection, ("met once more", 0.7, MET))
    done = reflection.run()
    assert done.due
    assert "what happens with bo is usually pleasant" in [each.text for each in done.insights.values()]
    assert reflection.run() == type(done)(False, 0, {})


@pytest.mark.feature("PP-08")
async def test_insights_last_and_name_what_they_rest_on(reflection):
    """The ids are those that the experiences have in long-term memory, before they come there and afterwards."""
    await live(reflection, *((f"met {n}", 0.6, MET) for n in range(4)), ("dug", 0.2, DUG))
    done = reflection.run()
    number, insight = next((n, each) for n, each in done.insights.items() if each.about == ("bo",))
    memory = reflection.mind.memory
    kept = memory.long_term.get(number)
    assert memory.long_term.recall("what of bo?", type=TYPE)
    assert tuple(kept.context["evidence"]) == insight.evidence
    assert [each.content for each in reflection.evidence(number)] == ["met 0", "met 1", "met 2", "met 3"]
    assert memory.long_term.get(insight.evidence[0]) is None
    for day in range(100):  # more than there is room for: what came first becomes lasting
        await reflection.mind.clock.advance(86_400)
        memory.observe(f"day {day}", 0.9, event_type=f"type {day}", location=f"place {day}")
    memory.consolidate()
    assert memory.long_term.get(insight.evidence[0]).content == "met 0"
    assert [each.content for each in reflection.evidence(number)] == ["met 0", "met 1", "met 2", "met 3"]
    assert reflection.evidence(1) == ()


@pytest.mark.feature("PP-08")
async def test_an_insight_is_told_again_only_when_much_more_shows_it(reflection):
    """By half as much again, of all that was lived, reflected on before or not."""
    texts: list[list[str]] = []
    for times in (3, 1, 1, 2, 1):
        await live(reflection, *((f"met {len(texts)} {n}", 1.0, MET) for n in range(times)))
        texts.append([each.text for each in reflection.reflect().insights.values()])
    assert [any("bo is usually" in each for each in told) for told in texts] == [True, False, True, False, True]


@pytest.mark.feature("PP-08", "PP-17")
async def test_an_insight_that_is_told_again_takes_the_place_of_the_former(reflection):
    """With all that shows it by then; and one that was forgotten is told anew."""
    for times in (3, 4, 5):
        await live(reflection, *((f"met {times} {n}", 1.0, MET) for n in range(times)))
        reflection.run()
    kept = [each for each in reflection.mind.memory.long_term.all() if "bo is usually" in each.content]
    assert [len(each.context["evidence"]) for each in kept] == [12]
    reflection.mind.memory.long_term.forget([kept[0].event_id])
    await live(reflection, *((f"met yet again {n}", 1.0, MET) for n in range(3)))
    assert any("bo is usually" in each.text for each in reflection.run().insights.values())


@pytest.mark.feature("PP-08", "PP-16")
async def test_the_next_run_goes_on_where_the_last_one_was(reflection):
    """What was told is in the memory: with the state gone it is not told again of the same."""
    await live(reflection, *((f"met {n}", 1.0, MET) for n in range(3)), ("dug", 0.2, DUG))
    assert reflection.run().insights
    reflection.brain = SimpleNamespace(state=StateCoordinator())
    assert reflection.reflect() == Reflected(False, 0, {})
    await live(reflection, ("met again", 1.0, MET))
    assert not any("bo is usually" in each.text for each in reflection.reflect().insights.values())


@pytest.mark.feature("PP-08")
async def test_an_insight_counts_what_was_lived_and_no_insight(reflection):
    """What was told before of bo is no experience with bo: it makes no later insight less sure."""
    for times in (3, 6):
        await live(reflection, *((f"met {times} {n}", 1.0, MET) for n in range(times)))
        told = [each for each in reflection.run().insights.values() if each.about == ("bo",)]
        assert [each.confidence for each in told] == [(len(told[0].evidence) + 1) / (len(told[0].evidence) + 2)]
    assert len(told[0].evidence) == 9


@pytest.mark.feature("PP-08")
async def test_an_insight_that_cannot_be_written_takes_no_former_one_away(reflection, monkeypatch):
    """The one that it would replace is there still, and it is told the next time."""
    await live(reflection, *((f"met {n}", 1.0, MET) for n in range(3)))
    (former,) = [number for number, each in reflection.run().insights.items() if each.about == ("bo",)]
    await live(reflection, *((f"met again {n}", 1.0, MET) for n in range(3)))
    memory = reflection.mind.memory.long_term

    def full(facts):
        raise StorageError("full")

    with monkeypatch.context() as broken, pytest.raises(StorageError):
        broken.setattr(memory, "remember_all", full)
        reflection.run()
    assert memory.get(former) is not None
    assert any(each.about == ("bo",) for each in reflection.run().insights.values())
    assert memory.get(former) is None


@pytest.mark.feature("PP-08")
async def test_what_lasts_already_counts_once(reflection):
    """Though it is part of an episode still; and what comes into long-term memory alone counts as well."""
    await live(reflection, *((f"met {n}", 0.6, MET) for n in range(3)))
    memory = reflection.mind.memory
    for event in memory.episodic.get_events():
        memory.long_term.remember(event.content, event.importance, at=event.timestamp.timestamp())
    assert (reflection.run().due, round(reflection.run().accumulated, 6)) == (False, 1.8)
    memory.long_term.remember("heard of a fire", 0.1, at=reflection.mind.clock.time() + 1)
    assert round(reflection.run().accumulated, 6) == 1.9


@pytest.mark.feature("PP-08")
async def test_of_more_than_a_thousand_none_is_passed_over(reflection):
    """What waits beyond the first thousand comes the next time, though later things are at hand already."""
    memory = reflection.mind.memory
    memory.long_term.remember_all(Fact(content=f"old {n}", importance=0.5, at=n) for n in range(1_100))
    await reflection.mind.clock.advance(10_000)
    await live(reflection, ("met", 0.6, MET))
    assert [round(reflection.run().accumulated, 6) for _ in range(3)] == [500, 50.6, 0]


@pytest.mark.feature("PP-08", "PP-20")
async def test_a_run_at_which_nothing_has_come_reads_nothing(reflection, monkeypatch):
    """It may be run every second."""
    await live(reflection, ("met", 0.6, MET))
    first = reflection.run()
    monkeypatch.setattr(reflection.mind.memory.file, "rows", None)
    assert reflection.run() == first


@pytest.mark.slow
@pytest.mark.feature("PP-08", "PP-20")
async def test_it_runs_in_the_background(virtual_clock):
    """While it reflects, urgent work of the same brain is done; it holds one thread of its own category."""
    began, let_go = threading.Event(), threading.Event()
    mind = Mind("ann")

    class Slow(Reflection):
        def _since(self, after):
            began.set()
            let_go.wait(30)
            return super()._since(after)

    async with Brain(BrainConfig()) as brain:
        await brain.register("reflection", Slow, category="agi", priority="low", factory=lambda: Slow(mind))
        await brain.register("reflex", lambda: "jump", category="core", priority="high")
        task = brain.submit("reflection")
        await asyncio.to_thread(began.wait, 10)
        assert await brain.submit("reflex") == "jump"
        assert not task.done()
        let_go.set()
        assert (await task).due is False
