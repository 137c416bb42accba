from __future__ import annotations

import pytest

from companion_async.cognition.factoid import names_in

pytestmark = pytest.mark.feature("CB-40", "CB-57")


def test_names_are_told_from_words():
    """Capitalised words that go together, at the beginning of a sentence as well."""
    assert names_in("Ada Quist met Erik Sand on the Petrel.") == ["Ada Quist", "Erik Sand", "Petrel"]
