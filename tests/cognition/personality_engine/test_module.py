"""The personality engine as a brain runs it."""

from __future__ import annotations

import pytest

from companion_async import Brain, BrainConfig, InvalidArgumentError, StorageError
from companion_async.cognition.personality_engine.module import MODULE, PersonalityEngine
from companion_async.cognition.personality_engine.settings import PersonalitySettings
from companion_async.cognition.personality_engine.traits import Mood, Traits, tendency
from companion_async.memory.file import MemoryFile
from companion_async.testing.clock import VirtualClock

pytest.importorskip("vaderSentiment", reason="the extra persona is not installed")


class Clock(VirtualClock):
    def passes(self, seconds):
        self._now += seconds


@pytest.fixture
def clock():
    return Clock()


def engine(clock, **settings):
    return PersonalityEngine(PersonalitySettings(**settings), clock=clock)


@pytest.mark.feature("CB-49")
def test_a_message_moves_the_mood_and_time_takes_it_back(clock):
    """The user's at once, the companion's a little, and both fade."""
    one = engine(clock)
    rest = tendency(Traits())
    user = one.perceive("This is TERRIBLE, I hate it!!!")
    after = one.profile()
    assert user.valence < -0.4
    assert user.arousal > 0.4
    assert rest.valence > after.mood.valence > user.valence
    clock.passes(6_000)  # ten half-lives
    faded = one.profile()
    assert faded.user.valence == pytest.approx(0.0, abs=0.01)
    assert faded.mood.valence == pytest.approx(rest.valence, abs=0.01)


@pytest.mark.feature("CB-49")
def test_the_agreeable_are_moved_by_the_moods_of_others(clock):
    """And those who are not at all stay as they are; of a long message the end counts."""
    after = []
    for traits in (Traits(agreeableness=0.0), Traits(agreeableness=1.0)):
        one = engine(clock, traits=traits)
        one.perceive("I hate this. " * 1_000 + "Thank you, wonderful! " * 200)
        after.append(one.profile().mood.valence - tendency(traits).valence)
        assert one.profile().user.valence > 0.4
    assert after[0] == pytest.approx(0.0)
    assert after[1] > 0.0


@pytest.mark.feature("CB-49")
def test_users_are_kept_apart(clock):
    """What one says and likes does not touch another; a forgotten one is a stranger again."""
    one = engine(clock)
    one.perceive("I love this, wonderful!", "ann")
    one.feedback(1.0, "formality", "ann")
    assert one.profile("ann").user.valence > 0.2
    assert one.profile("ann").traits.formality == pytest.approx(0.52)
    assert one.profile("bob").user == Mood()
    assert one.profile("bob").traits == Traits()
    assert (one.forget("ann"), one.forget("ann")) == (True, False)
    assert one.profile("ann").traits == Traits()


@pytest.mark.feature("CB-49")
def test_feedback_changes_the_manner_and_off_means_off(clock):
    """Enough of it turns contractions into words; switched off, every text comes back as it was."""
    one = engine(clock, enabled=True, learning_rate=0.1)
    assert one.style("It can't be.").text == "It can't be."
    for _ in range(3):
        one.feedback(1.0, "formality")
    assert one.style("It can't be.").text == "It cannot be."
    assert one.profile().feedback == 3
    for _ in range(20):
        one.feedback(1.0, "formality")
    assert one.profile().traits.formality == pytest.approx(0.75)  # as far as it may drift
    assert engine(clock, traits=Traits(formality=0.9)).style("It can't be.").changes == ()


@pytest.mark.feature("CB-49")
def test_what_was_learnt_is_there_again(clock, tmp_path):
    """From the file, for the users of last time, of whom the one that changed longest ago goes; a file of something
    else is refused, and one that is let go of is not written.
    """
    path = str(tmp_path / "personality.db")
    one = engine(clock, file=path, max_users=2)
    for user in ("ann", "cara", "ann", "bob"):
        one.feedback(-1.0, "warmth", user)
    one.stop()
    with pytest.raises(StorageError):
        one.feedback(-1.0, "warmth", "ann")
    again = engine(clock, file=path)
    assert again.profile("ann").traits.warmth == pytest.approx(0.46)
    assert again.profile("cara").traits.warmth == 0.5
    again.stop()
    (tmp_path / "other.db").write_text("no database, and long enough not to be one " * 20)
    with pytest.raises(StorageError):
        engine(clock, file=str(tmp_path / "other.db"))
    file = MemoryFile(tmp_path / "odd.db")
    file.keep("personality", b'{"ann": "kind"}')
    file.close()
    with pytest.raises(StorageError, match="cannot be read"):
        engine(clock, file=str(tmp_path / "odd.db"))


def test_what_cannot_be_kept_has_not_happened(clock, tmp_path, monkeypatch):
    """On a full disk the profile stays as it is in the file: what is known now is known after the next start."""

    def full(self, part, data):
        raise StorageError("The disk is full.")

    one = engine(clock, file=str(tmp_path / "personality.db"))
    one.feedback(1.0, "warmth", "ann")
    before = one.profile("ann")
    with monkeypatch.context() as patched:
        patched.setattr("companion_async.memory.file.MemoryFile.keep", full)
        for change in (lambda: one.feedback(1.0, "warmth", "ann"), lambda: one.forget("ann")):
            with pytest.raises(StorageError, match="full"):
                change()
    assert one.profile("ann").traits == before.traits
    assert one.profile("ann").feedback == 1
    assert one.feedback(1.0, "warmth", "ann").feedback == 2
    one.stop()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: one.perceive(None),
        lambda one: one.perceive("x", ""),
        lambda one: one.style(b"x"),
        lambda one: one.style("x", "a\nb"),
        lambda one: one.feedback(2),
        lambda one: one.feedback(float("nan")),
        lambda one: one.feedback(1, "charm"),
        lambda one: PersonalitySettings(drift=2),
        lambda one: PersonalitySettings(half_life=0),
        lambda one: PersonalitySettings(max_users=0),
    ],
)
def test_what_is_wrong_is_refused(clock, wrong):
    """It says so, and no profile comes of it."""
    one = engine(clock)
    with pytest.raises(InvalidArgumentError):
        wrong(one)
    assert one.profile().messages == one.profile().feedback == 0


@pytest.mark.feature("CB-49")
async def test_it_works_as_a_module():
    """Its handlers run in threads of a brain, side by side, and none is lost."""
    async with Brain(BrainConfig()) as brain:
        await brain.register(MODULE, PersonalityEngine, category="agi")
        tasks = [brain.submit(MODULE, "perceive", "thank you", f"user{n % 3}") for n in range(30)]
        for task in tasks:
            await task
        counts = [(await brain.submit(MODULE, "profile", f"user{n}")).messages for n in range(3)]
        assert counts == [10, 10, 10]
