"""Pure: a factoid question taken apart: what it expects, its telling words, and what has to be there as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from companion_async.cognition.expectation import Expectation, expectation
from companion_async.cognition.pieces import stem_of, stems_of
from companion_async.cognition.search_engine.concepts import COMMON

PRONOUN = re.compile(r"(?:[Tt]hen |[Bb]ut |[Aa]nd )?(?:It|He|She|They|This|These|Its|His|Her|Their|it|he|she|they)\b")
"""How a sentence begins that rests on the one before it."""

_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(
    r"(?<![\w.])(?:[A-Z][\w'-]*[a-z]\w*|[A-Z]{2,}\w*|[A-Z]\d\w*)(?: (?:of |van |de |von |the )?[A-Z0-9][\w'-]*)*"
)
# A name with a number is one thing: Apollo 18 is not Apollo 10 on the 18th.
_NUMBERED = re.compile(r"\b[A-Z][a-z]+ \d+\b")
_DOTTED = re.compile(r"\b[A-Za-z_]\w+(?:\.[A-Za-z_]\w+)+\b")
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{3,80})[\"”]")
_DIGITS = re.compile(r"\d[\d.,:-]*")
_WEAK_NAMES = "default first last called name call many do neither nor than by more most meant mean say"
_WEAK_VERBS = "lie lies lay stand stands stood"
_WEAK_WORDS = frozenset([*_WEAK_NAMES.split(), *_WEAK_VERBS.split()])
_WEAK = 0.5
# What a thing is called that is asked for, "which instrument", seldom stands beside its name.
_KIND_ASKED = re.compile(r"\W*(?:and )?(?:(?:in|on|of|from|by|to|at) )?(?:which|what) (?P<kind>[a-z]+)", re.IGNORECASE)
_SELDOM = 0.4
# What is asked of a thing has to be told of: its maximum size, not its size.
_ATTRIBUTE = re.compile(
    r"\W*(?:and )?(?:what|which) (?:is|are|was|were) the (?P<words>(?:[\w-]+ ){1,3}?)(?:of|for|in|to|on)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\W*(?:and )?how many (?P<word>[a-z]+)\b", re.IGNORECASE)
# What only says that something is asked.
_ABSTRACT_WORDS = (
    "answer aim benefit difference effect goal idea kind meaning name point purpose reason result role sense sort type "
    "use way"
)
_ABSTRACT = frozenset(_ABSTRACT_WORDS.split())
# Whoever it is has a name in the text.
_ANYBODY = frozenset({"man", "woman", "person", "people"})
# What must be or may be is told in as many other words.
_MODALS = frozenset({"must", "may", "might", "shall"})
_ENDINGS = ("er", "or", "r", "ment", "ion", "al", "ship", "ist", "ing", "ed")

# Forms of one word that no ending tells, and words that tell of each other.
_TABLE = """
age old; bear born birth; begin began begun start; belong own owner owns; break broke broken; bring brought; build
built builder; buy bought; cost price fee pay paid rent; daughter father mother son; die death dead died; draw drew
drawn; drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; fight fought; find found founder
finder; fly flew flown flight; get got; give gave given; go went gone; grow grew grown; hang hung; hear heard; heat
warm; hold held holder; keep kept keeper; lead led leader; leave left departure; lose lost; make made maker; meet met;
read reader; ring rang rung; rise rose risen; run ran; say said; see saw seen; sell sold; senator senate; send sent;
shoot shot; sing sang sung; sink sank sunk; size large big; speak spoke spoken; spend spent; swim swam; take took
taken; teach taught teacher; tell told; think thought; wear wore worn; wed wedding marry married husband wife; weigh
weight heavy; win won winner; write wrote written writer
"""


def _kin() -> dict[str, frozenset[str]]:
    kin: dict[str, set[str]] = {}
    for entry in _TABLE.split(";"):
        stems = {stem_of(word) for word in entry.split()}
        for stem in stems:
            kin.setdefault(stem, set()).update(stems)
    return {stem: frozenset(others) for stem, others in kin.items()}


_KIN = _kin()


class Wanted(msgspec.Struct, frozen=True):
    """A telling word of a question: the stems that stand for it, and how much it counts."""

    word: str
    stems: frozenset[str]
    weight: float = 1.0


class Asked(msgspec.Struct, frozen=True):
    """A question taken apart: what it expects, its telling words, the last of which is its point, the names and numbers
    that ``musts`` be there, the whole ``names`` that these are of, and what it quotes. Of the telling words those of
    the ``attribute`` that it asks for cannot be missed, and what is ``counted`` is told of beside its number.
    """

    text: str
    expects: Expectation
    wanted: tuple[Wanted, ...]
    musts: tuple[str, ...]
    names: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    attribute: frozenset[str] = frozenset()
    counted: frozenset[str] = frozenset()

    @property
    def point(self) -> str:
        """What is asked about a thing mostly comes last: "when did she die", "where was he born"."""
        return next((each.word for each in reversed(self.wanted) if each.weight == 1.0), "")


def asked(question: str, otherwise: Expectation | None = None) -> Asked | None:
    """``question`` taken apart; None where it has no telling word, or is no factoid question and quotes nothing, unless
    there is an expectation ``otherwise``.
    """
    quotes = tuple(match[1] for match in _QUOTED.finditer(question) if " " in match[1].strip())
    expects = expectation(question) or (Expectation("any", frozenset()) if quotes else otherwise)
    if expects is None:
        return None
    musts = tuple(_musts(_QUOTED.sub(" ", question)))
    # Names are there or are missed; what else is asked is what a window is weighed by, and the parts of dotted names.
    named = {stem for must in musts if not is_dotted(must) for stem in stems_of(must)}
    wanted = tuple(_wanted(question, expects))
    spelt = {must.lower() for must in musts}
    weighed = tuple(each for each in wanted if named.isdisjoint(each.stems) and each.word not in spelt) or wanted
    if not weighed:
        return None
    known = frozenset(each.word for each in weighed)
    attribute, counted = _ATTRIBUTE.match(question), _COUNTED.match(question)
    return Asked(
        question,
        expects,
        weighed,
        musts,
        names_asked(question),
        quotes,
        known.intersection(_WORD.findall(attribute["words"].lower())) - _ABSTRACT if attribute else frozenset(),
        known.intersection((counted["word"].lower(),)) if counted else frozenset(),
    )


def names_asked(question: str) -> tuple[str, ...]:
    """The names in a question, those of what can be called included, but for what it quotes."""
    text = _QUOTED.sub(" ", question)
    return (*_DOTTED.findall(text), *(name.removesuffix("'s") for name in _capitalised(_DOTTED.sub(" ", text))))


def is_dotted(name: str) -> bool:
    """Whether it is the name of a part of something: textwrap.wrap."""
    return _DOTTED.fullmatch(name) is not None


def names_in(text: str) -> list[str]:
    """The names of persons, places and things in ``text``: capitalised words that go together, in their order."""
    found = (match[0].removeprefix("The ") for match in _NAME.finditer(text))
    return list(dict.fromkeys(name for name in found if name.lower() not in COMMON and not PRONOUN.match(name)))


def is_of(name: str, other: str) -> bool:
    """Whether the one name is the other, or a part of it: Shepard and Alan Shepard; not two bridges, nor what has a
    number and what has none.
    """
    one, two = (frozenset(stems_of(each)) for each in (name, other))
    return (one <= two or two <= one) and not any(map(str.isdigit, one ^ two))


def matches(wanted: Wanted, stems: frozenset[str]) -> bool:
    """Whether one of ``stems`` stands for the word."""
    if not wanted.stems.isdisjoint(stems):
        return True
    return any(_akin(one, other) for one in wanted.stems if len(one) > 3 for other in stems)


def _akin(one: str, other: str) -> bool:
    """Whether one is the other with an ending that makes a noun of it: design, designer."""
    short, long = sorted((one, other), key=len)
    return len(short) > 3 and long.startswith(short) and long[len(short) :] in _ENDINGS


def _wanted(question: str, expects: Expectation) -> Iterator[Wanted]:
    seen: set[str] = set()
    kind = _KIND_ASKED.match(question)
    if expects.telling:
        yield Wanted(" ".join(sorted(expects.asking)), frozenset(map(stem_of, expects.telling)))
    for word in _WORD.findall(question.lower()):
        stem = stem_of(word)
        if (
            word in COMMON
            or word in expects.asking
            or word in _ANYBODY
            or word in _MODALS
            or stem in seen
            or word == "s"
        ):
            continue
        seen.add(stem)
        weight = _WEAK if word in _WEAK_WORDS else _SELDOM if kind is not None and word == kind["kind"].lower() else 1.0
        # Parts of a name that is written in one word stand for it as well.
        yield Wanted(word, frozenset({stem, *_KIN.get(stem, ())}), weight)


def _capitalised(question: str) -> list[str]:
    """The names in a question: its first word is written large anyway."""
    first, _, rest = question.strip().partition(" ")
    return [*([first] if sum(map(str.isupper, first)) > 1 else []), *names_in(rest)]


def _musts(question: str) -> Iterator[str]:
    """What has to be there as it stands: names, numbers, and names with their numbers."""
    yield from _DOTTED.findall(question)
    question = _DOTTED.sub(" ", question)
    yield from (match[0] for match in _NUMBERED.finditer(question))
    for name in _capitalised(_NUMBERED.sub(" ", question)):
        yield from (part for part in re.split(r"[ ']", name) if len(part) > 2 and part.lower() not in COMMON)
    yield from (match[0].strip(".,:-") for match in _DIGITS.finditer(_NUMBERED.sub(" ", question)))
