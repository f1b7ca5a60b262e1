"""Match two data sets of the same recordings: samples by name, modalities and classes by what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from qfusion._checks import check, choose
from qfusion._sentences import listed
from qfusion.errors import InvalidInput

# Names of one and the same modality. Several of them in one model are an error that the reader resolves.
SYNONYMS = (
    ("voice", "audio", "speech", "sound", "acoustic", "wav"),
    ("face", "video", "vision", "visual", "image", "picture", "frames", "lips"),
    ("text", "words", "language", "transcript", "sentence"),
)
FEWEST_LETTERS = 3  # of an abbreviated class, such as ANG
MAX_SHOWN = 5  # names in a message


class MatchKey(StrEnum):
    """What samples are matched by."""

    NAME = "name"
    FILE = "file name without folder and ending"


@dataclass(frozen=True, eq=False)
class IdMatch:
    """Samples of two data sets that are the same.

    Attributes:
        first, second: their rows in each set, (n,), in the order of the first.
        by: what they are matched by.
        ambiguous: names that several samples of a set share, which are left out.
    """

    first: np.ndarray
    second: np.ndarray
    by: MatchKey
    ambiguous: int = 0


def match_ids(first: Sequence[str], second: Sequence[str]) -> IdMatch:
    """Return which samples of two sets are the same: by their names, or by their file names, whichever match more."""
    first_stems = [file_stem(name) for name in first]
    second_stems = [file_stem(name) for name in second]
    matches = [
        _match(list(map(str, first)), list(map(str, second)), MatchKey.NAME),
        _match(first_stems, second_stems, MatchKey.FILE),
    ]
    return max(matches, key=lambda one: len(one.first))


def file_stem(name: str) -> str:
    """Return the file name of a sample without folder and ending, in small letters: faces/1001_HAP.mp4 is 1001_hap."""
    base = str(name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    stem, dot, ending = base.rpartition(".")
    is_ending = bool(dot and stem) and ending.isalnum() and not ending.isdigit()
    return (stem if is_ending else base).casefold()


def _match(first: Sequence[str], second: Sequence[str], by: MatchKey) -> IdMatch:
    own, repeated = _unique_places(first)
    others, repeated_others = _unique_places(second)
    shared = [name for name in own if name in others]
    return IdMatch(
        np.array([own[name] for name in shared], dtype=int),
        np.array([others[name] for name in shared], dtype=int),
        by,
        len(repeated | repeated_others),
    )


def _unique_places(names: Sequence[str]) -> tuple[dict[str, int], set[str]]:
    """Return the places of the names that occur once, and the names that occur several times."""
    places: dict[str, int] = {}
    repeated: set[str] = set()
    for place, name in enumerate(names):
        if name in places:
            repeated.add(name)
        places.setdefault(name, place)
    return {name: place for name, place in places.items() if name not in repeated}, repeated


def match_modalities(
    wanted: Sequence[str], available: Sequence[str], given: Mapping[str, str] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the modalities of a model that correspond to each of those that people were shown.

    Args:
        wanted: what people were shown, such as voice and face.
        available: of the model, such as audio, text and vision.
        given: the reader's own correspondence, such as {"voice": "audio+text"}; others are matched by name.

    Raises:
        NotFound: when a given name does not exist.
        InvalidInput: when a modality corresponds to none, or to several, or is left over.
    """
    given = dict(given or {})
    groups: dict[str, tuple[str, ...]] = {}
    for name, text in given.items():
        choose("Modality that people were shown", name, wanted)
        groups[name] = tuple(
            choose("Modality of the model", part.strip(), available) for part in text.split("+")
        )
    free = [name for name in available if name not in {n for g in groups.values() for n in g}]
    for name in wanted:
        if name not in groups:
            alike = [other for other in free if other.casefold() == name.casefold()]
            alike = alike or [other for other in free if _kind(other) == _kind(name)]
            _check_one("Modality", name, alike, free)
            groups[name] = (alike[0],)
    used = [name for group in groups.values() for name in group]
    twice = sorted({name for name in used if used.count(name) > 1})
    check(
        not twice,
        f"Modality {listed(twice)} of the model is matched twice. Match each modality once.",
    )
    left = [name for name in available if name not in used]
    check(
        not left,
        f"The model also has {listed(left)}, but people were shown {listed(list(wanted))}. Say what holds it, such as "
        f"{wanted[0]}={'+'.join([*groups[wanted[0]], *left])}.",
    )
    return {name: groups[name] for name in wanted}


def match_classes(
    wanted: Sequence[str], available: Sequence[str], given: Mapping[str, str] | None = None
) -> np.ndarray:
    """Return the number of the model's class of each class that people chose from, (K,), -1 where it has none.

    Names match whatever their case. Otherwise an abbreviation of three letters or more matches the only class that
    begins with it (ANG is anger).

    Args:
        wanted: classes of people. available: of the model. given: the reader's own correspondence.

    Raises:
        NotFound: when a given name does not exist.
        InvalidInput: when two classes match one, or fewer than two classes have a match.
    """
    numbers = np.full(len(wanted), -1)
    for name, other in (given or {}).items():
        place = list(wanted).index(choose("Class of people", name, wanted))
        numbers[place] = list(available).index(choose("Class of the model", other, available))
    for place, name in enumerate(wanted):
        if numbers[place] < 0:
            same = [number for number, other in enumerate(available) if _is_same(name, other)]
            alike = same or [
                number for number, other in enumerate(available) if _abbreviates(name, other)
            ]
            if len(alike) == 1:
                numbers[place] = alike[0]
    known = numbers[numbers >= 0]
    check(
        len(set(known.tolist())) == len(known),
        "Two classes of people match one class of the model. Match each class once.",
    )
    check(
        len(known) > 1,
        f"People chose among {_shown(wanted)}, but the model decides among {_shown(available)}. Two classes or more "
        "must match: say which, such as anger=ANG.",
    )
    return numbers


def _is_same(name: str, other: str) -> bool:
    return name.casefold().strip() == other.casefold().strip()


def _abbreviates(name: str, other: str) -> bool:
    """Return whether one of two names is the beginning of the other."""
    shorter, longer = sorted((name.casefold().strip(), other.casefold().strip()), key=len)
    return len(shorter) >= FEWEST_LETTERS and longer.startswith(shorter)


def _kind(name: str) -> str | int:
    """Return what a modality is: the place of its synonyms, or its name."""
    words = name.casefold()
    return next((place for place, names in enumerate(SYNONYMS) if words in names), words)


def _check_one(what: str, name: str, alike: Sequence[str], available: Sequence[str]) -> None:
    if len(alike) == 1:
        return
    example = f"{name}={(alike or available or ['audio'])[0]}"
    if alike:
        raise InvalidInput(
            f"{what} '{name}' matches several of the model: {listed(list(alike))}. Say which, such as {example}, or "
            f"all, such as {name}={'+'.join(alike)}."
        )
    raise InvalidInput(
        f"{what} '{name}', which people were shown, matches none of the model, which has {_shown(available)}. Say "
        f"which it is, such as {example}."
    )


def _shown(names: Sequence[str]) -> str:
    names = list(names)
    rest = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
    return f"{', '.join(names[:MAX_SHOWN]) or 'none'}{rest}"
