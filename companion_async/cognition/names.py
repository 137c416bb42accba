"""Pure: the names in a text that may answer a question, the likeliest first.

Of a sentence those come first that stand in the clause which has most of the question, and before the others those that
are no place or date by the preposition before them; of a row the cells of the columns that the question speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from companion_async.cognition.factoid import Asked, is_of, matches, names_in
from companion_async.cognition.pieces import stems_of

_CLAUSE = re.compile(r"[;:]\s+|, |\s\(|(?<=[.!?])\s+")
_OF_A_PLACE_OR_TIME = re.compile(r"\b(?:in|at|on|near|from|since|until|into|to|after|before)(?: the)? $", re.IGNORECASE)
_SHOWN_CELL = re.compile(r"(?P<column>[^:;\n]{1,40}): (?P<cell>[^;\n]+)(?:; |$)")
_CITED = re.compile(r"\s*\[\d+\]")


def names_of_text(question: Asked, text: str) -> list[str]:
    """The names in sentences."""
    clauses = [clause for clause in _CLAUSE.split(text) if clause]
    ranked = sorted(clauses, key=lambda clause: -_share(question, clause))
    found = [name for clause in ranked for name in _with_places_last(clause)]
    # A clause may cut a name in two; then it is found in the whole.
    return list(dict.fromkeys([*found, *names_in(text)]))


def names_of_cells(question: Asked, cells: Sequence[tuple[str, str]]) -> list[str]:
    """The cells of a row, a name each."""
    telling = [cell for column, cell in cells if any(matches(w, frozenset(stems_of(column))) for w in question.wanted)]
    return list(dict.fromkeys(name for cell in (*telling, *(c for _, c in cells)) for name in names_in(cell)))


def names_told(question: Asked, answer: str) -> list[str]:
    """The names that an answer, as it was given, has beside those of its question."""
    first = _CITED.split(answer.strip(), maxsplit=1)[0].rpartition("\n\n")[2]
    cells = shown_row(first)
    return new_names(question, names_of_cells(question, cells) if cells else names_of_text(question, first))


def shown_row(text: str) -> list[tuple[str, str]]:
    """The cells of a row as it is shown in an answer, each with its column's name; none where ``text`` is no row."""
    cells = [*_SHOWN_CELL.finditer(text)]
    return [(cell["column"], cell["cell"]) for cell in cells] if "".join(cell[0] for cell in cells) == text else []


def new_names(question: Asked, names: Sequence[str]) -> list[str]:
    """Those of ``names`` that the question has not itself."""
    known = question.text.casefold()
    return [
        name
        for name in names
        if name.casefold() not in known and not any(is_of(name, other) for other in question.names)
    ]


def _share(question: Asked, clause: str) -> int:
    stems = frozenset(stems_of(clause))
    return sum(matches(each, stems) for each in question.wanted) + sum(must in clause for must in question.musts)


def _with_places_last(clause: str) -> Iterator[str]:
    names = names_in(clause)
    last = [name for name in names if _OF_A_PLACE_OR_TIME.search(clause[: max(clause.find(name), 0)])]
    yield from (name for name in names if name not in last)
    yield from last
