"""Ways of thinking, with a model that says what the test gives it to say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from companion_async.cognition.advanced_reasoning.settings import ReasoningSettings
from companion_async.cognition.advanced_reasoning.strategies import chain, react, reflection, tree

pytestmark = pytest.mark.feature("CB-47")


class Scripted:
    """A model that says the one after the other, or what a rule makes of what it is asked, and keeps that."""

    def __init__(self, *said: str, rule: Callable[[str, str], str] | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self._said, self._rule = iter(said), rule

    async def __call__(self, instructions: str, text: str) -> str:
        self.asked.append((instructions, text))
        return self._rule(instructions, text) if self._rule is not None else next(self._said)


def tool(give: Callable[[str], str]) -> Callable[[str], Awaitable[str]]:
    async def use(text: str) -> str:
        return give(text)

    return use


async def test_the_steps_of_a_chain_end_at_its_answer():
    """What stands behind the answer is part of it and no step."""
    found = await chain(Scripted("Step 1: one\n2) two\nFinal answer: three\n4. four"), "?", ReasoningSettings())
    assert ([step.text for step in found.steps], found.answer) == (["one", "two"], "three\n4. four")


async def test_a_chain_without_its_marks_is_one_thought():
    """A model that writes as it likes is not lost: all of it is the thought, and the answer."""
    found = await chain(Scripted(" It is blue. "), "?", ReasoningSettings())
    assert ([step.text for step in found.steps], found.answer) == (["It is blue."], "It is blue.")


def _grows(instructions: str, text: str) -> str:
    """Two thoughts on each way, ``a`` the better one at first and ``b`` afterwards; more lines than were asked for."""
    way = text.rpartition("Thoughts so far:\n")[2]
    if instructions.startswith("Suggest"):
        return "1. a\n\n - b\n3) c"
    if instructions.startswith("Rate"):
        first, _, last = way.partition("\n")
        return f"{40 if last == '2. b' and first == '1. b' else {'1. a': 7, '1. b': 6.5}.get(way, 2)} of 10"
    return f"from {way}"


async def test_the_best_way_through_a_tree_is_taken():
    """The best end wins, also over a better beginning; only the asked for thoughts are rated, at most with 10."""
    model = Scripted(rule=_grows)
    found = await tree(model, "?", ReasoningSettings(width=2, depth=2))
    assert (found.answer, found.confidence) == ("from 1. b\n2. b", 1.0)
    assert [(step.text, step.result) for step in found.steps] == [
        ("a", "rated 0.7"),
        ("b", "rated 0.7"),
        ("a", "rated 0.2"),
        ("b", "rated 0.2"),
        ("a", "rated 0.2"),
        ("b", "rated 1.0"),
    ]
    assert len(model.asked) == 1 + 2 + 2 * (1 + 2) + 1


async def test_a_beam_goes_on_with_no_more_than_the_best():
    """With room for one, the worse thought is not followed, and a rating without a number is the worst."""

    def says(instructions: str, text: str) -> str:
        if instructions.startswith("Suggest"):
            return f"thought {len(model.asked)}\nanother"
        return "no idea" if instructions.startswith("Rate") else "done"

    model = Scripted(rule=says)
    found = await tree(model, "?", ReasoningSettings(width=1, depth=3))
    assert (found.answer, found.confidence, len(model.asked)) == ("done", 0.0, 3 * 2 + 1)
    assert "1. thought 1\n2. thought 3\n3. thought 5" in model.asked[-1][1]


async def test_of_more_ways_than_its_width_the_worst_are_left():
    """Two are grown from each of two; only the better two of the four are grown again."""
    model = Scripted(rule=_grows)
    await tree(model, "?", ReasoningSettings(width=2, depth=3))
    assert len(model.asked) == (1 + 2) + 2 * (1 + 2) + 2 * (1 + 2) + 1


async def test_a_tree_that_does_not_grow_is_answered_from_what_there_is():
    """A model without a thought is asked for the answer, and for no rating."""
    model = Scripted("", "so it is")
    found = await tree(model, "?", ReasoningSettings())
    assert (found.answer, found.confidence, found.steps, len(model.asked)) == ("so it is", 0.0, (), 2)


async def test_an_answer_is_mended_until_its_critic_agrees():
    """The critic sees the answer as it stands, the mender its faults; the later it agrees, the less sure it is."""
    model = Scripted("four", "Okay is not what it is.", "five", "ok.")
    found = await reflection(model, "how many?", ReasoningSettings(rounds=3))
    assert (found.answer, found.confidence, found.found) == ("five", 0.5, True)
    assert [(step.kind, step.result) for step in found.steps] == [
        ("thought", "four"),
        ("critique", "Okay is not what it is."),
        ("thought", "five"),
        ("critique", "ok."),
    ]
    assert "Answer: four\n\nFaults: Okay is not" in model.asked[2][1]
    assert model.asked[3][1] == "Question: how many?\n\nAnswer: five"


async def test_a_critic_that_never_agrees_is_heard_so_often():
    """The last answer is given, and nothing is claimed for it."""
    model = Scripted("1", "no", "2", "no", "3")
    found = await reflection(model, "?", ReasoningSettings(rounds=2))
    assert (found.answer, found.confidence, len(model.asked)) == ("3", 0.0, 5)


async def test_what_a_tool_gives_is_told_and_then_answered_from():
    """The tool gets what stands in the brackets; an answer that follows an action in the same breath is made up."""
    model = Scripted("Action: twice[ 21 ]\nAnswer: 43", "Answer: it is 42")
    found = await react(model, "?", ReasoningSettings(), {"twice": tool(lambda text: f"{text!r} and {text!r}")})
    assert (found.answer, found.found) == ("it is 42", True)
    assert [(step.kind, step.text, step.result) for step in found.steps] == [("tool", "twice[21]", "'21' and '21'")]
    assert model.asked[1][1] == "Question: ?\n\nAction: twice[21]\nResult: '21' and '21'"
    assert "twice" in model.asked[0][0]


async def test_an_answer_that_speaks_of_an_action_is_an_answer():
    """What comes first counts, and no tool is used after the answer."""
    used: list[str] = []

    async def twice(text: str) -> str:
        used.append(text)
        return text

    found = await react(Scripted("Answer: write\nAction: twice[1]"), "?", ReasoningSettings(), {"twice": twice})
    assert (found.answer, used) == ("write\nAction: twice[1]", [])


async def test_a_tool_that_there_is_not_is_told_of():
    """With those that there are; the model may go on."""
    model = Scripted("Action: magic[x]", "Answer: then not")
    found = await react(model, "?", ReasoningSettings(), {"twice": tool(str)})
    assert found.steps[0].result == "There is no tool 'magic'; there are twice."
    assert "There is no tool 'magic'" in model.asked[1][1]
    assert found.answer == "then not"


async def test_words_without_a_mark_are_the_answer():
    """And a step says that it was not called one."""
    found = await react(Scripted(" It is so. "), "?", ReasoningSettings(), {})
    assert (found.answer, found.steps[0].text) == ("It is so.", "an answer without its mark")


async def test_tools_are_used_so_often_and_what_they_give_is_bounded():
    """2,000 characters of it are told; where no answer comes, none is claimed."""
    model = Scripted(rule=lambda *_: "Action: long[]")
    found = await react(model, "?", ReasoningSettings(tool_steps=2), {"long": tool(lambda _: "x" * 5_000)})
    assert (found.found, found.answer, len(model.asked)) == (False, "No answer within 2 uses of tools.", 2)
    assert [len(step.result) for step in found.steps] == [2_000, 2_000]
    assert model.asked[1][1].count("x") == 2_000
