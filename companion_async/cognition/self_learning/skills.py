"""Pure: how good one has become at something, by how it went."""

from __future__ import annotations

import msgspec

MASTERED = 0.8
_KEPT = 0.7


class Skill(msgspec.Struct, frozen=True):
    """``proficiency`` from 0 to 1, the moving average of rewards, the last one counting for three tenths."""

    proficiency: float = 0.0
    practised: int = 0

    @property
    def mastered(self) -> bool:
        """Whether it goes well nearly always."""
        return self.proficiency >= MASTERED


def practised(skill: Skill, reward: float) -> Skill:
    """The skill after one more time; the first time is all that is known of it."""
    if not skill.practised:
        return Skill(reward, 1)
    return Skill(_KEPT * skill.proficiency + (1 - _KEPT) * reward, skill.practised + 1)
