"""Questions that modalities answer only together, such as: is the sum of digits odd?

Items, here the pictures of `digits`, are drawn in pairs or triples within each part of their split, so that none is in
two parts. One digit carries no information about the class, nor do two of three. Drawing ensures this exactly:

- Digits are drawn in blocks. A block has a remainder k and every combination a, b, ... of all digits but the last once;
  the last digit is (k + a + b + ...) mod 10. The sum of all is then odd where k is, and the first and last of two are
  the same where k is 0. In a block every digit, and every pair of three, occurs equally often; half of the blocks are
  of each class.
- Items are drawn equally often, to within two rows, and each as often with one class as with the other.

Hence any sum of functions of single modalities, which is what late fusion forms, has exactly the same mean in both
classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.array_chunks import numbered_ids
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import SPLITS, Clusters
from qfusion.data.sample_content import Content, FeatureTransform
from qfusion.data.sources import Source
from qfusion.data.sources.digits import load_digits
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput

SIZES = {"train": 6000, "valid": 600, "test": 1200}


Views = tuple[tuple[str, str], ...]  # names of the modalities and of the views that they show


@dataclass(frozen=True)
class Question:
    """A question about items that are drawn together.

    Attributes:
        name: of the data set.
        title: of the data set.
        of: name of the data set whose items are drawn.
        views: modality -> the view of `of` that it shows.
        target: what is asked.
        remainders: per class, the k of its blocks; see the module.
        description: what is drawn and asked, in a sentence.
        item: what an item is.
        items: what items are.
        columns: column of the table of `of` -> the modality about whose item it speaks.
    """

    name: str
    title: str
    of: str
    views: Mapping[str, str]
    target: Target
    remainders: tuple[tuple[int, ...], tuple[int, ...]]
    description: str
    item: str = "picture"
    items: str = "pictures"
    columns: Mapping[str, str] = field(default_factory=dict)


PARITY = Target("classification", "parity", None, ("even", "odd"))
EVEN_ODD = (tuple(range(0, 10, 2)), tuple(range(1, 10, 2)))
_DRAWN = (
    " Drawn by a fixed seed within each part of the split of `{of}`, so that no {item} is in two parts, and each is in "
    "as many {combinations} of one class as of the other: 6,000 to train, 600 to validate, 1,200 to test."
)
_NOTHING = {
    "pair": "Neither digit alone says anything: with each, both answers are equally frequent.",
    "triple": "No digit and no two of them say anything: with each pair, both answers are equally frequent.",
}


QUESTIONS = (
    Question(
        "parity",
        "Two digits: odd or even",
        "digits",
        {"left": "pixels", "right": "pixels"},
        PARITY,
        EVEN_ODD,
        "Pairs of real handwritten digits of 8x8 pixels: is their sum odd?",
    ),
    Question(
        "parity3",
        "Three digits: odd or even",
        "digits",
        {"left": "pixels", "middle": "pixels", "right": "pixels"},
        PARITY,
        EVEN_ODD,
        "Triples of real handwritten digits of 8x8 pixels: is their sum odd?",
    ),
)


def _combinations(
    count: int, modalities: int, remainders: tuple[tuple[int, ...], ...], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Digits (count, M) in blocks, and their classes (count,)."""
    others = np.array(list(product(range(10), repeat=modalities - 1)))
    blocks = count // len(others)
    drawn = np.concatenate(
        [np.resize(rng.permutation(own), blocks // len(remainders)) for own in remainders]
    )
    last = (drawn[:, None] + others.sum(1)) % 10
    return (
        np.column_stack([np.tile(others, (blocks, 1)), last.ravel()]),
        np.repeat(np.arange(len(remainders)), count // len(remainders)),
    )


def _items(
    shown: np.ndarray, y: np.ndarray, base: DataSet, part: str, rng: np.random.Generator
) -> np.ndarray:
    """Draw rows of a part of `base` whose digits are those shown, (N,). Every class gets the same rows, equally
    often.
    """
    pool, chosen = base.rows(part), np.empty(len(shown), dtype=np.int64)
    for digit in range(10):
        own = rng.permutation(pool[base.y[pool] == digit])
        check(
            len(own) > 0,
            f"Every part of the split must have every digit, but `{part}` of '{base.name}' has no sample of {digit}. "
            "Use another split.",
        )
        for label in np.unique(y):
            rows = np.flatnonzero((shown == digit) & (y == label))
            chosen[rows] = rng.permutation(np.resize(own, len(rows)))
    return chosen


def _apart(
    chosen: np.ndarray, shown: np.ndarray, y: np.ndarray, alike: bool, rng: np.random.Generator
) -> None:
    """Swap items, in place, until no row repeats another nor, if modalities are `alike`, has one item twice.

    Only rows of one class and digit swap, so that everything that was balanced stays so.
    """
    for _ in range(100):  # a few are enough unless there are hardly any pictures
        _, first = np.unique(chosen, axis=0, return_index=True)
        bad = ~np.isin(np.arange(len(chosen)), first)
        if alike:
            bad |= (np.diff(np.sort(chosen, axis=1), axis=1) == 0).any(1)
        if not bad.any():
            return
        for row in np.flatnonzero(bad):
            m = rng.integers(chosen.shape[1])
            other = rng.choice(np.flatnonzero((shown[:, m] == shown[row, m]) & (y == y[row])))
            chosen[[row, other], m] = chosen[[other, row], m]
    raise InvalidInput(
        f"Argument `sizes` must be small enough that no row repeats another, but {len(chosen)} cannot be drawn so. "
        "Ask for fewer."
    )


def _content_of_together(
    base: DataSet, views: tuple[tuple[str, str], ...], chosen: np.ndarray, row: int
) -> dict[str, Content]:
    return {
        name: base.content(int(item))[view]
        for (name, view), item in zip(views, chosen[row], strict=True)
    }


def _table(question: Question, base: DataSet, chosen: np.ndarray, ids: np.ndarray) -> pd.DataFrame:
    """The digits and, where asked for, their sum; columns of `base`; the sample of `base` that each item is of."""
    names, shown = tuple(question.views), base.y[chosen]
    columns: dict[str, np.ndarray] = {f"{name}_digit": shown[:, m] for m, name in enumerate(names)}
    if question.target is PARITY:
        columns["sum"] = shown.sum(1)
    for column, name in question.columns.items():
        columns[column] = base.table[column].to_numpy()[chosen[:, names.index(name)]]
    columns |= {f"{name}_item": base.ids[chosen[:, m]] for m, name in enumerate(names)}
    return pd.DataFrame(columns, index=ids)


def draw_question(
    question: Question, base: DataSet, sizes: Mapping[str, int] = SIZES, seed: int = 2013
) -> DataSet:
    """Return the pairs or triples of a question, drawn from the items of `base`.

    Args:
        question: the question.
        base: digits of classes 0 to 9, with the views that the question shows.
        sizes: rows to draw for "train", "valid" and "test", each a multiple of 20 for pairs and of 200 for triples.
        seed: of the draw.

    Raises:
        InvalidInput: when a size is no such multiple, a part of `base` lacks a digit, or has too few items for so many
            rows.
    """
    views = tuple(question.views.items())
    rng = np.random.default_rng(seed)
    unit = 2 * 10 ** (len(views) - 1)  # a block of each class
    check(
        set(sizes) == set(SPLITS)
        and all(count > 0 and count % unit == 0 for count in sizes.values()),
        f"Argument `sizes` must hold a multiple of {unit} above zero for each of {', '.join(SPLITS)}, but is "
        f"{dict(sizes)}.",
    )
    alike = len({view for _, view in views}) < len(views)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for part in SPLITS:
        shown, y = _combinations(sizes[part], len(views), question.remainders, rng)
        chosen = np.column_stack([_items(digits, y, base, part, rng) for digits in shown.T])
        _apart(chosen, shown, y, alike, rng)
        order = rng.permutation(len(y))
        parts.append((chosen[order], y[order]))
    chosen = np.concatenate([rows for rows, _ in parts])
    y = np.concatenate([targets for _, targets in parts])
    together = "pair" if len(views) == 2 else "triple"
    ids = numbered_ids(together, len(y))
    drawn_from = _DRAWN.format(of=question.of, item=question.item, combinations=f"{together}s")
    return DataSet(
        name=question.name,
        title=question.title,
        description=f"{question.description} {_NOTHING[together]}{drawn_from}",
        source=base.source,
        licence=base.licence,
        modalities=tuple(_select_modalities(base, views, chosen)),
        target=question.target,
        y=y,
        ids=ids,
        split=np.repeat(SPLITS, [sizes[part] for part in SPLITS]),
        feature_transforms=_feature_transforms(base, views),
        table=_table(question, base, chosen, ids),
        content_of=partial(_content_of_together, base, views, chosen),
        clusters=Clusters(_item_names(base, views, chosen), question.items),
    )


def _select_modalities(base: DataSet, views: Views, chosen: np.ndarray) -> Iterator[Modality]:
    """Yield the modalities of the rows that are chosen from `base`, (N, M)."""
    modalities = {m.name: m for m in base.modalities}
    for place, (name, view) in enumerate(views):
        m = modalities[view]
        yield Modality(name, m.values[chosen[:, place]], None, m.feature_names, m.shape)


def _feature_transforms(base: DataSet, views: Views) -> dict[str, FeatureTransform]:
    """Return the transform of each modality, with a hint that names the digit where several are drawn."""
    transforms = {
        name: base.feature_transforms[view]
        for name, view in views
        if view in base.feature_transforms
    }
    drawings = [name for name, transform in transforms.items() if transform.kind == "drawing"]
    if len(drawings) > 1:
        for name in drawings:
            transforms[name] = replace(transforms[name], hint=f"the {name} digit")
    return transforms


def _item_names(base: DataSet, views: Views, chosen: np.ndarray) -> np.ndarray:
    """Return the names (N, M) of the items of each row; each item is in several rows."""
    items = [
        np.char.add(f"{view} ", base.ids[chosen[:, place]]) for place, (_, view) in enumerate(views)
    ]
    return np.column_stack(items)


def load_question(question: Question) -> DataSet:
    """Return the data set of a question about the pictures of `digits`."""
    return draw_question(question, load_digits())


SOURCES = tuple(
    Source(
        question.name,
        question.title,
        partial(load_question, question),
        place=30,
        made="is drawn from digits that come with scikit-learn",
    )
    for question in QUESTIONS
)
