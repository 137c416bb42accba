"""Recall, concepts, analogies and classes, on vectors, on texts and on real data."""

from __future__ import annotations

import pytest

from companion_async import Brain, InvalidArgumentError
from companion_async.cognition.neural_reasoning.module import MODULE, NeuralReasoning
from companion_async.cognition.neural_reasoning.settings import NeuralSettings

numpy = pytest.importorskip("numpy", reason="the extra ml is not installed")
datasets = pytest.importorskip("sklearn.datasets", reason="the extra ml is not installed")


@pytest.fixture
def digits():
    """1,797 handwritten digits, 64 pixels each, that scikit-learn ships."""
    data = datasets.load_digits()
    return data.data, [str(label) for label in data.target]


@pytest.mark.feature("CB-50")
def test_half_a_pattern_brings_back_the_whole(digits):
    """Of 100 stored pictures nearly all are recalled by their upper half, and most through noise."""
    pictures, _ = digits
    module = NeuralReasoning()
    for n in range(100):
        module.store(f"picture {n}", pictures[n].tolist())
    rng = numpy.random.default_rng(0)
    halves = [[*pictures[n][:32].tolist(), *[None] * 32] for n in range(100)]
    noisy = [(pictures[n] + rng.normal(0, 4, 64)).tolist() for n in range(100)]
    for cues, least in ((halves, 98), (noisy, 85)):
        recalled = [module.recall(cue, 1) for cue in cues]
        assert all(each.steps <= 20 for each in recalled)
        assert sum(each.weights[0][0] == f"picture {n}" for n, each in enumerate(recalled)) >= least


@pytest.mark.feature("CB-50")
def test_recall_is_sharp_or_blends_as_it_is_set():
    """A cue between two patterns gets both when soft, one when sharp; the shares add up to 1."""
    for sharpness, least in ((0.5, 0.4), (50.0, 0.0)):
        module = NeuralReasoning(NeuralSettings(sharpness=sharpness))
        module.store("a", [1.0, 0.0])
        module.store("b", [0.0, 1.0])
        weights = dict(module.recall([1.0, 0.8]).weights)
        assert sum(weights.values()) == pytest.approx(1.0)
        assert weights["a"] > weights["b"] >= least
        assert (weights["b"] < 0.01) == (sharpness == 50.0)


@pytest.mark.feature("CB-50")
def test_recall_goes_on_until_it_is_still():
    """What was recalled brings itself to mind again; where that takes for ever, it ends after 20 steps."""
    for sharpness, least, most in ((3.0, 2, 19), (1.5, 20, 20)):
        module = NeuralReasoning(NeuralSettings(sharpness=sharpness))
        module.store("a", [1.0, 0.0])
        module.store("b", [0.0, 1.0])
        found = module.recall([1.0, 0.8])
        assert least <= found.steps <= most
        shares = numpy.array([dict(found.weights)[name] for name in "ab"])
        again = numpy.exp(sharpness * shares / numpy.linalg.norm(shares))
        assert shares == pytest.approx(again / again.sum(), abs=0.03 if least == 20 else 1e-4)


@pytest.mark.feature("CB-50")
def test_what_is_stored_and_forgotten_counts_at_once():
    """Recall in between does not keep what was then, and the sharpest is a number still."""
    module = NeuralReasoning(NeuralSettings(sharpness=1e6))
    module.store("a", [1.0, 0.0])
    assert module.recall([0.0, 1.0]).weights == (("a", 1.0),)
    module.store("b", [0.0, 1.0])
    assert module.recall([0.0, 1.0], 1).weights == (("b", 1.0),)
    module.forget("b")
    assert module.recall([0.0, 1.0]).weights == (("a", 1.0),)


@pytest.mark.feature("CB-50")
def test_concepts_are_groups_of_what_is_alike():
    """Two bundles of directions, and one pattern that belongs to neither."""
    module = NeuralReasoning()
    for name, vector in {
        "a1": [1, 0.1, 0],
        "a2": [1, -0.1, 0],
        "a3": [1, 0, 0.01],
        "b1": [0, 0.1, 1],
        "b2": [0, -0.1, 1],
        "alone": [0, 1, -0.2],
    }.items():
        module.store(name, vector)
    first, second = module.concepts(0.9)
    assert set(first.members) == {"a1", "a2", "a3"}
    assert first.members[0] == "a3"  # between the others
    assert set(second.members) == {"b1", "b2"}
    assert first.cohesion > 0.97
    assert module.concepts(0.999) == ()


@pytest.mark.feature("CB-50")
def test_an_analogy_is_drawn_along_a_direction():
    """King is to man as queen is to woman, where royalty and sex are directions."""
    module = NeuralReasoning()
    for name, vector in {
        "man": [1, 0, 0.2],
        "woman": [0, 1, 0.2],
        "king": [1, 0, 1.2],
        "queen": [0, 1, 1.2],
        "apple": [0.1, 0.1, -1],
    }.items():
        module.store(name, vector)
    assert module.analogy("man", "king", "woman", 1)[0][0] == "queen"
    assert [name for name, _ in module.analogy("man", "king", "woman", 9)] == ["queen", "apple"]


@pytest.mark.feature("CB-50", "PF-6")
def test_digits_are_learnt_one_batch_at_a_time(digits):
    """From 1,200 examples in batches of 50 it learns to tell 597 others, by other hands; classes may come late.
    Chance is one in ten.
    """
    pictures, labels = digits
    module = NeuralReasoning()
    for start in range(0, 1_200, 50):
        count = module.learn("digits", pictures[start : start + 50].tolist(), labels[start : start + 50])
    assert count == 1_200
    tested = range(1_200, len(labels))
    right = sum(module.classify("digits", pictures[n].tolist()).label == labels[n] for n in tested)
    assert right / len(tested) > 0.85
    module.learn("late", pictures[:3].tolist(), ["x", "y", "y"])
    module.learn("late", pictures[3:4].tolist(), ["z"])
    assert set(module.classify("late", pictures[3].tolist()).probabilities) == {"x", "y", "z"}


@pytest.mark.feature("CB-50")
def test_texts_are_vectors_too():
    """A misspelt word finds its own; classes of texts are learnt as any others."""
    module = NeuralReasoning()
    for word in ("connection refused", "out of memory", "permission denied"):
        module.store(word, word)
    assert module.recall("conection refusd", 1).weights[0][0] == "connection refused"
    module.learn("kind", ["disk is full", "no space on disk", "connection lost", "lost the connection"], [*"ddcc"])
    assert module.classify("kind", "the disk has no space").label == "d"


def test_only_so_much_is_kept():
    """The oldest pattern, of which one stored anew is none, the classifier unused for longest and the oldest examples
    of a class go; a forgotten one is gone.
    """
    module = NeuralReasoning(NeuralSettings(max_patterns=2, max_classifiers=2))
    for name in "abac":
        module.store(name, [ord(name), 1.0])
        module.learn(name, [[1.0], [2.0]], ["x", "y"])
    assert {name for name, _ in module.recall([1.0, 1.0]).weights} == {"a", "c"}
    assert (module.forget("a"), module.forget("a")) == (True, False)
    assert module.classify("a", [1.0]).examples == 4
    with pytest.raises(InvalidArgumentError, match="no classifier 'b'"):
        module.classify("b", [1.0])
    module.learn("a", [[1.0]] * 600, ["x"] * 600)
    assert [len(kept) for kept in module._classifiers["a"]._kept.values()] == [500, 2]


def test_concepts_of_too_many_patterns_are_refused():
    """The time goes with the square of them: 2,000 it is."""
    module = NeuralReasoning()
    for number in range(2_001):
        module.store(f"{number}", [1.0, float(number)])
    with pytest.raises(InvalidArgumentError, match="at most 2000 patterns; 2001"):
        module.concepts()


def test_the_same_seed_learns_the_same():
    """Two that are taught alike are alike, to the last digit."""
    rows, labels = [[float(n % 7), float(n % 3)] for n in range(60)], [str(n % 2) for n in range(60)]
    modules = [NeuralReasoning(NeuralSettings(seed=4)) for _ in range(2)]
    for module in modules:
        module.learn("c", rows, labels)
    one, other = (module.classify("c", [3.0, 1.0]) for module in modules)
    assert one == other


@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: one.recall([1.0]),
        lambda one: (one.store("x", [1.0, 2.0]), one.recall([None, None])),
        lambda one: (one.store("x", [1.0, 2.0]), one.recall([1.0, 2.0, 3.0])),
        lambda one: one.store("", [1.0]),
        lambda one: one.store("x", []),
        lambda one: one.store("x", [0.0, 0.0]),
        lambda one: one.store("x", [float("nan")]),
        lambda one: one.store("x", [float("inf"), 1.0]),
        lambda one: (one.store("x", [1.0, 2.0]), one.recall([float("inf"), 1.0])),
        lambda one: one.store("x", ["much"]),
        lambda one: one.store("x", "  "),
        lambda one: one.store("x", [[1.0]]),
        lambda one: (one.store("x", [1.0]), one.store("y", [1.0, 2.0])),
        lambda one: one.analogy("a", "b", "c"),
        lambda one: one.concepts(1.5),
        lambda one: one.learn("c", [[1.0]], []),
        lambda one: one.learn("c", [[1.0], [1.0, 2.0]], ["a", "b"]),
        lambda one: (one.learn("c", [[1.0], [2.0]], ["a", "b"]), one.learn("c", [[1.0, 2.0]], ["a"])),
        lambda one: one.learn("c", [[1.0], [float("nan")]], ["a", "b"]),
        lambda one: one.learn("c", ["a word", " "], ["a", "b"]),
        lambda one: (one.learn("c", [[1.0]], ["a"]), one.classify("c", [1.0])),
        lambda one: (one.learn("c", [[1.0], [2.0]], ["a", "b"]), one.classify("c", [1.0, 2.0])),
        lambda one: NeuralSettings(sharpness=0),
    ],
)
def test_what_is_wrong_is_refused(wrong):
    """It says what is wanted."""
    with pytest.raises(InvalidArgumentError):
        wrong(NeuralReasoning())


@pytest.mark.feature("CB-50")
async def test_it_works_as_a_module():
    """Its handlers run side by side in threads, and none is lost."""
    async with Brain() as brain:
        await brain.register(MODULE, NeuralReasoning, category="agi", priority="high")
        for task in [brain.submit(MODULE, "store", f"p{n}", [1.0, float(n)]) for n in range(20)]:
            await task
        assert len((await brain.submit(MODULE, "recall", [1.0, 3.0], 100)).weights) == 20
