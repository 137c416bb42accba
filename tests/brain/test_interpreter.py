"""What brains change in the interpreter comes back, whoever else had a hand in it."""

from __future__ import annotations

from companion_async.brain.interpreter import Setting


class Dial:
    """A setting that everybody can see and turn; it knows whole numbers only."""

    def __init__(self, value: int) -> None:
        self.value = value
        self.turned = 0

    def read(self) -> int:
        return self.value

    def write(self, value: int) -> None:
        self.value = int(value)
        self.turned += 1


def test_the_strongest_wish_counts_and_the_usual_value_returns_after_the_last() -> None:
    """Two want less than usual: the least holds while it is wanted, in whatever order they go."""
    dial = Dial(50)
    setting = Setting(dial.read, dial.write, min)
    assert setting.want("a", 10) == 10
    assert setting.want("b", 5) == 5
    assert setting.want("a", 20) == 5
    assert setting.give_back("b")
    assert dial.value == 20
    assert setting.give_back("a")
    assert dial.value == 50
    assert not setting.give_back("a")


def test_a_wish_weaker_than_the_usual_value_changes_nothing() -> None:
    """What is stronger already stays, and is not even written."""
    dial = Dial(5)
    setting = Setting(dial.read, dial.write, min)
    assert setting.want("a", 10) == 5
    assert setting.give_back("a")
    assert (dial.value, dial.turned) == (5, 0)


def test_what_somebody_else_sets_meanwhile_is_not_undone() -> None:
    """The program sets it while a brain has it changed: that is the usual value from then on."""
    dial = Dial(50)
    setting = Setting(dial.read, dial.write, min)
    setting.want("a", 10)
    dial.value = 30
    setting.give_back("a")
    assert dial.value == 30
    setting.want("a", 10)
    dial.value = 40
    assert setting.want("a", 12) == 12
    setting.give_back("a")
    assert dial.value == 40


def test_a_value_that_is_rounded_is_known_again() -> None:
    """What the interpreter makes of a wish is not taken for somebody else's."""
    dial = Dial(50)
    setting = Setting(dial.read, dial.write, min)
    setting.want("a", 10.7)  # type: ignore[arg-type]
    assert dial.value == 10
    setting.give_back("a")
    assert dial.value == 50
