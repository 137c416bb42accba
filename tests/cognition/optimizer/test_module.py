"""The optimizer at work in a brain."""

from __future__ import annotations

import threading

import pytest

from companion_async import Brain, BrainConfig, InvalidArgumentError
from companion_async.cognition.optimizer.cache import TunedCache
from companion_async.cognition.optimizer.module import MODULE, Optimizer
from companion_async.testing.clock import until

PROPOSAL = {
    "kind": "slots",
    "subject": "core",
    "setting": "limit",
    "before": 10,
    "after": 12,
    "metric": "queued",
    "measured": 4.0,
    "expected": 3.0,
    "why": "",
    "safe": True,
}


def quiet(**settings):
    return BrainConfig(health_interval=3600.0, decision_interval=3600.0, **settings)


@pytest.mark.feature("CB-46")
async def test_slots_are_added_where_work_waits_and_taken_back_where_that_did_not_help():
    """A full category with a queue gets half as many slots more; where the queue does not shrink they go again."""
    gate = threading.Event()
    config = quiet(categories={"core": 2, "phase5": 1}, max_threads=8, auto_scaling=False)
    async with Brain(config) as brain:
        await brain.register(MODULE, Optimizer, category="phase5", priority="low", offload="loop")
        await brain.register("slow", gate.wait, category="core")
        tasks = [brain.submit("slow", "run", timeout=None) for _ in range(12)]
        await until(lambda: brain.status().categories["core"].active == 2)
        for _ in range(6):
            await brain.submit(MODULE, "look")
        proposals = await brain.submit(MODULE, "propose")
        proposal = next(each for each in proposals if each.subject == "core")
        assert (proposal.subject, proposal.before, proposal.after, proposal.measured) == ("core", 2, 3, 10.0)
        applied = await brain.submit(MODULE, "apply", proposal)
        assert brain.status().categories["core"].max == 3
        with pytest.raises(InvalidArgumentError, match="being judged"):
            await brain.submit(MODULE, "apply", proposal)
        tasks += [brain.submit("slow", "run", timeout=None) for _ in range(3)]
        await until(lambda: brain.status().categories["core"].active == 3)
        back = [await brain.submit(MODULE, "look") for _ in range(6)]
        assert back == [0] * 5 + [1]
        (judged,) = await brain.submit(MODULE, "applied")
        assert (judged.number, judged.kept) == (applied.number, False)
        assert brain.status().categories["core"].max == 2
        gate.set()
        for task in tasks:
            await task


@pytest.mark.feature("CB-46")
async def test_a_cache_is_tuned_and_the_change_kept_where_it_helped():
    """Twice the size ends the misses of a loop that is a little too long."""
    async with Brain(quiet()) as brain:
        optimizer = Optimizer()
        await brain.register(MODULE, optimizer, category="phase5", offload="loop")
        cache = TunedCache("answers", 8)
        await brain.submit(MODULE, "watch", cache)
        for _ in range(2):
            for key in range(60):
                cache.get_or_make(key % 12, object)
        (proposal,) = await brain.submit(MODULE, "propose")
        assert (proposal.kind, proposal.setting, proposal.after) == ("cache", "size", 16)
        await brain.submit(MODULE, "apply", proposal)
        for key in range(49):
            cache.get_or_make(key % 12, object)
        assert await brain.submit(MODULE, "look") == 0
        (judged,) = await brain.submit(MODULE, "applied")
        assert judged.kept is None  # too little is known
        cache.get_or_make(0, object)
        assert await brain.submit(MODULE, "look") == 0
        (judged,) = await brain.submit(MODULE, "applied")
        assert judged.kept is True
        assert judged.after is not None
        assert judged.after < 0.2
        with pytest.raises(InvalidArgumentError, match="Another cache"):
            await brain.submit(MODULE, "watch", TunedCache("answers"))


@pytest.mark.feature("CB-46")
async def test_the_profile_names_what_takes_most_time_and_failing_work_is_for_a_person():
    """What is not safe is proposed and never applied."""

    def fail(n):
        if n % 2:
            raise OSError("no")

    async with Brain(quiet(failure_threshold=1000)) as brain:
        await brain.register("idle", abs)
        await brain.register(MODULE, Optimizer, category="phase5", offload="loop")
        await brain.register("shaky", fail)
        for n in range(60):
            await brain.submit("shaky", "run", n).wait() if n % 2 == 0 else await _swallow(
                brain.submit("shaky", "run", n)
            )
        profile = await brain.submit(MODULE, "profile")
        assert {each.name: each.runs for each in profile}["shaky"] == 60
        took = [each.total_seconds for each in profile]
        assert took == sorted(took, reverse=True)
        assert profile[0].name == "shaky"
        (proposal,) = await brain.submit(MODULE, "propose")
        assert (proposal.kind, proposal.subject, proposal.safe) == ("failing", "shaky", False)
        with pytest.raises(InvalidArgumentError, match="Only safe"):
            await brain.submit(MODULE, "apply", proposal)


@pytest.mark.feature("CB-46")
async def test_what_was_taken_back_is_not_proposed_again_for_an_hour(virtual_clock):
    """Nobody goes round in a circle: while it is judged and for an hour after, the same change is not proposed."""
    async with Brain(quiet()) as brain:
        await brain.register(MODULE, Optimizer(clock=virtual_clock), category="phase5", offload="loop")
        cache = TunedCache("answers", 8, clock=virtual_clock)
        await brain.submit(MODULE, "watch", cache)
        for key in range(600):  # a loop that no such cache is large enough for, but for what it has just put out
            cache.get_or_make(key % 12, object)
        (proposal,) = await brain.submit(MODULE, "propose")
        await brain.submit(MODULE, "apply", proposal)
        for key in range(600):
            cache.get_or_make(key, object)  # other work, for which more room is of no use
        for key in range(600):
            cache.get_or_make(key % 24, object)  # nor is yet more room proposed until it is known what this was worth
        assert await brain.submit(MODULE, "propose") == ()
        assert await brain.submit(MODULE, "look") == 1
        for key in range(600):
            cache.get_or_make(key % 12, object)
        assert await brain.submit(MODULE, "propose") == ()
        await virtual_clock.advance(3601.0)
        for key in range(600):
            cache.get_or_make(key % 12, object)
        (again,) = await brain.submit(MODULE, "propose")
        assert (again.setting, again.after) == ("size", 16)


@pytest.mark.feature("CB-46")
async def test_a_shorter_life_is_judged_by_what_was_out_of_date(virtual_clock):
    """Fewer stale answers are what it is for: that it costs misses does not have it taken back."""
    async with Brain(quiet()) as brain:
        await brain.register(MODULE, Optimizer(clock=virtual_clock), category="phase5", offload="loop")
        cache = TunedCache("prices", 8, ttl=60.0, clock=virtual_clock)
        await brain.submit(MODULE, "watch", cache)

        async def trade(rounds):
            for _ in range(rounds):
                made = cache.get_or_make("gold", virtual_clock.monotonic)
                if virtual_clock.monotonic() - made > 35.0:  # that is how long a price holds
                    cache.call_stale("gold")
                await virtual_clock.advance(10.0)

        await trade(120)
        (proposal,) = await brain.submit(MODULE, "propose")
        assert (proposal.setting, proposal.after, proposal.metric) == ("ttl", 30.0, "stale_rate")
        misses = cache.figures().rate("miss_rate")
        await brain.submit(MODULE, "apply", proposal)
        await trade(120)
        assert cache.figures().rate("miss_rate") > misses
        assert await brain.submit(MODULE, "look") == 0
        (judged,) = await brain.submit(MODULE, "applied")
        assert (judged.kept, judged.after) == (True, 0.0)
        assert await brain.submit(MODULE, "propose") == ()  # nor is what it was before, for all the misses


@pytest.mark.feature("CB-46")
async def test_the_profile_says_where_a_module_runs():
    """A module that computes is not told to move to the process that it has."""
    async with Brain(quiet()) as brain:
        await brain.register(MODULE, Optimizer, category="phase5", offload="loop")
        await brain.register("abroad", abs, offload="process")
        profile = await brain.submit(MODULE, "profile")
        assert {each.name: each.offload for each in profile} == {MODULE: "loop", "abroad": "process"}


@pytest.mark.feature("CB-46")
@pytest.mark.parametrize(
    ("handler", "given"),
    [
        ("watch", None),
        ("watch", "answers"),
        ("apply", None),
        ("apply", {}),
        ("apply", {**PROPOSAL, "safe": False}),
        ("apply", {**PROPOSAL, "kind": "process", "subject": "watched", "setting": "size"}),
        ("apply", {**PROPOSAL, "subject": "nowhere"}),
        ("apply", {**PROPOSAL, "kind": "cache", "setting": "size"}),
        ("apply", {**PROPOSAL, "after": "more"}),
        ("apply", {**PROPOSAL, "after": float("nan")}),
    ],
)
async def test_what_is_no_cache_and_no_proposal_is_refused(handler, given):
    """With an error of ours, and nothing is changed by it."""
    async with Brain(quiet()) as brain:
        await brain.register(MODULE, Optimizer, category="phase5", offload="loop")
        watched = TunedCache("watched", 7)
        await brain.submit(MODULE, "watch", watched)
        limits = {name: category.max for name, category in brain.status().categories.items()}
        with pytest.raises(InvalidArgumentError):
            await brain.submit(MODULE, handler, given)
        assert watched.figures().size == 7
        assert {name: category.max for name, category in brain.status().categories.items()} == limits
        assert await brain.submit(MODULE, "applied") == ()


@pytest.mark.feature("CB-46")
async def test_what_is_remembered_is_bounded_but_for_what_is_being_judged():
    """The last 360 looks and 200 changes: one that nobody can judge yet stays, or it would never be taken back."""
    async with Brain(quiet(auto_scaling=False)) as brain:
        optimizer = Optimizer()
        await brain.register(MODULE, optimizer, category="phase5", offload="loop")
        waiting = await brain.submit(MODULE, "apply", {**PROPOSAL, "metric": "queued", "measured": 0.0})
        cache = TunedCache("answers", 8)
        await brain.submit(MODULE, "watch", cache)
        change = {**PROPOSAL, "kind": "cache", "subject": "answers", "setting": "size", "metric": "miss_rate"}
        for _ in range(210):
            await brain.submit(MODULE, "apply", change)
            for _ in range(50):
                cache.get("never there")
            optimizer._seen.clear()  # so that of the first change nothing is known
            await brain.submit(MODULE, "look")
        applied = await brain.submit(MODULE, "applied")
        assert len(applied) == 200
        assert [each.number for each in applied if each.kept is None] == [waiting.number]
        for _ in range(370):
            await brain.submit(MODULE, "look")
        assert {len(seen) for seen in optimizer._seen.values()} == {360}
        assert all(each.kept is not None for each in await brain.submit(MODULE, "applied"))


async def _swallow(task):
    with pytest.raises(OSError, match="no"):
        await task
