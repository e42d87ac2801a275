"""The coding tree: codes, their paths, the checks that a codebook must pass, and its JSON form."""

import hashlib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import Any, NoReturn

from models.errors import (
    CodebookNotAccepted,
    CodebookTooLarge,
    CodeCycle,
    CodeIdRepeated,
    CodeNameTooSimilar,
    CodeParentUnknown,
    CodePathRepeated,
)

# A tree that people still oversee has tens of codes; these are a guard, not a recommendation.
MAX_CODES = 2_000
MAX_DEPTH = 10
MAX_ID_CHARACTERS = 200
MAX_NAME_CHARACTERS = 200
MAX_DESCRIPTION_CHARACTERS = 10_000
MAX_GLOSSARY_ENTRIES = 500

BUILT_IN = ("upsides",)

# Spelling out must not blow a text up: nobody writes this many abbreviations in one segment.
MAX_SPELT_OUT = 500

_OPTIONAL_TEXTS = ("description", "include", "exclude")
_CODE_KEYS = {"id", "name", "parent", "colour", "active", *_OPTIONAL_TEXTS}
_CODEBOOK_KEYS = {"id", "name", "glossary", "codes", "version"}

# Besides the format characters (Cf): what Unicode counts as default-ignorable, variation selectors and fillers.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


@dataclass(frozen=True, kw_only=True)
class Code:
    """One node of the coding tree.

    Attributes:
        id: stable identifier; survives renaming and moving.
        name: what analysts call it.
        description: its definition, empty if there is none.
        include: when to apply it.
        exclude: when not to apply it.
        parent: id of the code above it, None for a theme.
        colour: as the tool that made the codebook writes it.
        active: whether it is still suggested.
        further: keys of its JSON object that this program does not know, kept as they are.
    """

    id: str
    name: str
    description: str = ""
    include: str = ""
    exclude: str = ""
    parent: str | None = None
    colour: str | None = None
    active: bool = True
    further: Mapping[str, Any] = field(default_factory=dict)


class Codebook:
    """A coding tree that has passed its checks.

    Args:
        id: what callers name it by.
        name: its title.
        codes: the nodes, in the order in which analysts see them.
        glossary: abbreviation -> what it stands for; the encoder sees it spelt out.
        further: unknown keys of its JSON object, kept as they are.

    Raises:
        CodebookNotAccepted: a subclass says which rule is broken, and where.

    Example:
        >>> book = Codebook(id="b", name="Barriers", codes=[
        ...     Code(id="access", name="Access"), Code(id="cost", name="Cost", parent="access")])
        >>> [code.name for code in book.path("cost")], [code.id for code in book.leaves]
        (['Access', 'Cost'], ['cost'])
    """

    def __init__(
        self,
        *,
        id: str,
        name: str,
        codes: Sequence[Code],
        glossary: Mapping[str, str] | None = None,
        further: Mapping[str, Any] | None = None,
    ) -> None:
        self.id = id
        self.name = name
        self.codes = tuple(codes)
        self.glossary = dict(glossary or {})
        self.further = dict(further or {})
        _check(self.codes)
        self._by_id = {code.id: code for code in self.codes}

    def __contains__(self, code_id: object) -> bool:
        return code_id in self._by_id

    def __getitem__(self, code_id: str) -> Code:
        return self._by_id[code_id]

    def path(self, code_id: str) -> tuple[Code, ...]:
        """The codes from the theme down to this one, both included. KeyError if it is not there."""
        code = self._by_id[code_id]
        return (code,) if code.parent is None else (*self.path(code.parent), code)

    def level(self, code_id: str) -> int:
        """1 for a theme, 2 for its children, and so on. KeyError if it is not there."""
        return len(self.path(code_id))

    @cached_property
    def children(self) -> Mapping[str | None, tuple[Code, ...]]:
        """The codes right below each code id; the themes stand under None."""
        children: dict[str | None, list[Code]] = defaultdict(list)
        for code in self.codes:
            children[code.parent].append(code)
        return {parent: tuple(codes) for parent, codes in children.items()}

    @cached_property
    def leaves(self) -> tuple[Code, ...]:
        """The codes without children, in the codebook's order, retired ones included."""
        return tuple(code for code in self.codes if code.id not in self.children)

    @cached_property
    def active_leaves(self) -> tuple[Code, ...]:
        """The leaves that may be suggested: active themselves, and so is every code above them."""
        return tuple(leaf for leaf in self.leaves if all(code.active for code in self.path(leaf.id)))

    @cached_property
    def version(self) -> str:
        """16 hex digits over everything that the codebook says; changes when any of it changes."""
        canonical = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def spell_out(self, text: str) -> str:
        """The text with each abbreviation of the glossary replaced by what it stands for.

        Whole words only, in the capitals of the glossary, also with a plural s: with
        ``{"PSW": "peer support worker"}`` "PSWs" becomes "peer support workers". This is what the
        encoder sees; what is stored and shown stays as it was. Beyond the first ``MAX_SPELT_OUT``
        abbreviations of a text the rest stays short.
        """
        if self._abbreviations is None:
            return text
        return self._abbreviations.sub(lambda match: self.glossary[match[1]] + match[2], text, count=MAX_SPELT_OUT)

    @cached_property
    def _abbreviations(self) -> re.Pattern[str] | None:
        longest_first = sorted(self.glossary, key=lambda short: (-len(short), short))
        if not longest_first:
            return None
        return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(s?)(?!\w)")

    def to_json(self) -> dict[str, Any]:
        """The codebook in its file shape, from which ``codebook_from_json`` makes the same one again."""
        glossary = {"glossary": self.glossary} if self.glossary else {}
        codes = [_code_to_json(code) for code in self.codes]
        return {**self.further, "id": self.id, "name": self.name, **glossary, "codes": codes}


@cache
def built_in_codebook(codebook_id: str) -> Codebook:
    """A codebook that ships with the product, by its id (see ``BUILT_IN``). KeyError if there is none."""
    if codebook_id not in BUILT_IN:
        raise KeyError(codebook_id)
    source = resources.files("models") / "codebooks" / f"{codebook_id}.json"
    return codebook_from_json(json.loads(source.read_text(encoding="utf-8")))


def codebook_from_json(document: object, *, default_id: str = "inline") -> Codebook:
    """The codebook that a JSON document in the file shape describes.

    Args:
        document: ``{"name", "id"?, "glossary"?, "codes": [{"id", "name", "description"?, "parent"?,
            "include"?, "exclude"?, "colour"?, "active"?, ...}]}``; unknown keys are kept. A ``version``
            is passed over, because it follows from the rest.
        default_id: its id if the document gives none.

    Raises:
        CodebookNotAccepted: a subclass says which rule is broken, and where.
    """
    if not isinstance(document, Mapping):
        raise CodebookNotAccepted("A codebook must be a JSON object.")
    rows = document.get("codes")
    if not isinstance(rows, list) or not rows:
        raise CodebookNotAccepted("A codebook needs a list of at least one code.", places=("codes",))
    if len(rows) > MAX_CODES:
        raise CodebookTooLarge(f"A codebook may have at most {MAX_CODES} codes.", places=("codes",))
    return Codebook(
        id=_text(document, "id", "id", default=default_id, limit=MAX_ID_CHARACTERS),
        name=_text(document, "name", "name", default="", limit=MAX_NAME_CHARACTERS),
        codes=[_code_from_json(row, f"codes[{index}]") for index, row in enumerate(rows)],
        glossary=_glossary(document.get("glossary")),
        further={key: value for key, value in document.items() if key not in _CODEBOOK_KEYS},
    )


def _code_from_json(row: object, place: str) -> Code:
    if not isinstance(row, Mapping):
        raise CodebookNotAccepted("A code must be a JSON object.", places=(place,))
    active = row.get("active", True)
    if not isinstance(active, bool):
        raise CodebookNotAccepted("Must be true or false.", places=(f"{place}.active",))
    texts = {
        key: _text(row, key, f"{place}.{key}", default="", limit=MAX_DESCRIPTION_CHARACTERS) for key in _OPTIONAL_TEXTS
    }
    return Code(
        id=_text(row, "id", f"{place}.id", limit=MAX_ID_CHARACTERS),
        name=_text(row, "name", f"{place}.name", limit=MAX_NAME_CHARACTERS),
        parent=_optional_text(row, "parent", f"{place}.parent"),
        colour=_optional_text(row, "colour", f"{place}.colour"),
        active=active,
        further={key: value for key, value in row.items() if key not in _CODE_KEYS},
        **texts,
    )


def _code_to_json(code: Code) -> dict[str, Any]:
    row: dict[str, Any] = {**code.further, "id": code.id, "name": code.name, "parent": code.parent}
    row |= {key: getattr(code, key) for key in _OPTIONAL_TEXTS if getattr(code, key)}
    row |= {"colour": code.colour} if code.colour is not None else {}
    row |= {} if code.active else {"active": False}
    return row


def _text(row: Mapping[str, Any], key: str, place: str, *, limit: int, default: str | None = None) -> str:
    value = row.get(key, default)
    if value is None and default is not None:
        value = default
    if not isinstance(value, str):
        raise CodebookNotAccepted("Must be a text.", places=(place,))
    if len(value) > limit:
        raise CodebookNotAccepted(f"Must have at most {limit} characters.", places=(place,))
    if default is None and not _look(value):
        raise CodebookNotAccepted("Must not be empty.", places=(place,))
    return value


def _optional_text(row: Mapping[str, Any], key: str, place: str) -> str | None:
    return None if row.get(key) is None else _text(row, key, place, limit=MAX_ID_CHARACTERS)


def _glossary(entries: object) -> dict[str, str]:
    if entries is None:
        return {}
    if not isinstance(entries, Mapping) or len(entries) > MAX_GLOSSARY_ENTRIES:
        raise CodebookNotAccepted(
            f"A glossary must be an object of at most {MAX_GLOSSARY_ENTRIES} abbreviations.",
            places=("glossary",),
        )
    glossary = {}
    for index, (short, long) in enumerate(entries.items()):
        pair = {"abbreviation": short, "meaning": long}
        place = f"glossary[{index}]"
        short = _text(pair, "abbreviation", place, limit=MAX_NAME_CHARACTERS)
        glossary[short] = _text(pair, "meaning", place, limit=MAX_NAME_CHARACTERS)
    return glossary


def _check(codes: Sequence[Code]) -> None:
    if len(codes) > MAX_CODES:
        raise CodebookTooLarge(f"A codebook may have at most {MAX_CODES} codes.", places=("codes",))
    positions = _positions(codes)
    for index, code in enumerate(codes):
        if code.parent is not None and code.parent not in positions:
            raise CodeParentUnknown("The parent is not in the codebook.", places=(f"codes[{index}].parent",))
    _check_ancestors(codes, positions)
    _check_siblings(codes)


def _positions(codes: Sequence[Code]) -> dict[str, int]:
    positions: dict[str, int] = {}
    for index, code in enumerate(codes):
        if code.id in positions:
            raise CodeIdRepeated(
                "Two codes have the same id.", places=(f"codes[{positions[code.id]}]", f"codes[{index}]")
            )
        positions[code.id] = index
    return positions


def _check_ancestors(codes: Sequence[Code], positions: Mapping[str, int]) -> None:
    """Refuses a code that is its own ancestor or lies too deep; looks at each code once."""
    levels: dict[int, int] = {}
    for start in range(len(codes)):
        chain: dict[int, None] = {}
        at: int | None = start
        while at is not None and at not in levels:
            if at in chain:
                _refuse_cycle(list(chain), at)
            chain[at] = None
            parent = codes[at].parent
            at = None if parent is None else positions[parent]
        level = 0 if at is None else levels[at]
        for position in reversed(chain):
            level += 1
            levels[position] = level
            if level > MAX_DEPTH:
                raise CodebookTooLarge(f"A tree may have at most {MAX_DEPTH} levels.", places=(f"codes[{position}]",))


def _refuse_cycle(chain: list[int], repeated: int) -> NoReturn:
    cycle = chain[chain.index(repeated) :]
    places = tuple(f"codes[{position}]" for position in cycle[:MAX_DEPTH])
    raise CodeCycle("A code must not be its own ancestor.", places=places)


def _check_siblings(codes: Sequence[Code]) -> None:
    seen: dict[tuple[str | None, str], int] = {}
    for index, code in enumerate(codes):
        key = (code.parent, _look(code.name))
        if key in seen:
            places = (f"codes[{seen[key]}]", f"codes[{index}]")
            if codes[seen[key]].name == code.name:
                raise CodePathRepeated("Two codes with one parent have the same name.", places=places)
            raise CodeNameTooSimilar("Two codes with one parent have names that look alike.", places=places)
        seen[key] = index


def _look(name: str) -> str:
    """What is left of a name once differences that people cannot see are gone."""
    visible = _INVISIBLE.sub("", "".join(char for char in name if unicodedata.category(char) != "Cf"))
    # Folded twice, because the compatibility form of a character may bring in capitals again.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold()).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())
