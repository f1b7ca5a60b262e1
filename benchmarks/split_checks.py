"""How often checks of the split find planted faults, and how often they raise a false alarm.

    python benchmarks/split_checks.py [--repetitions 100] [--only NAME ...]

Sets of 500 training, 100 validation and 300 test rows of two modalities are drawn again and again, with seeds from 0
on. Labels are tosses of a coin, except for those of recordings, which the features tell with noise. Of planted copies
of learned rows, with their labels, it is counted which share is found, equal or near, and how many other test rows are
taken for copies. Of all sets it is counted in how many there is a fault of the split, one of known labels among them,
and in how many features seem to have been made with labels.

Where all are run, the cases that are not flawless become the table `split-checks` of docs/plugins/review.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import tables  # noqa: E402

from qfusion.data.in_memory import data_set_of  # noqa: E402
from qfusion.plugins.review.split.known_labels import find_known_labels  # noqa: E402
from qfusion.plugins.review.split.split_overlap import find_split_overlap  # noqa: E402
from qfusion.plugins.why.information.label_leak import find_label_leaks  # noqa: E402

SPLIT = np.repeat(["train", "valid", "test"], [500, 100, 300])
LEARNED, TEST = 600, 300
ROWS = LEARNED + TEST
Drawn = tuple[
    dict[str, np.ndarray], int
]  # modalities and labels, and the number of copies, the first test rows
Draw = Callable[[np.random.Generator], Drawn]


def copied(share: float, noise: float, width: int = 12, *, twice: bool = False) -> Draw:
    """Returns noise, of which a share of the test rows are copies of learned rows with further noise.

    Args:
        share: of the test rows. noise: in standard deviations. width: features of a modality.
        twice: whether every learned row has a near copy among the learned rows.
    """

    def draw(rng: np.random.Generator) -> Drawn:
        views = rng.normal(size=(2, ROWS, width))
        y = rng.integers(0, 2, ROWS)
        if twice:
            half = LEARNED // 2
            rows = views[:, :half]
            views[:, half:LEARNED] = rows + noise * rng.normal(size=rows.shape)
        copies = round(share * TEST)
        sources = rng.integers(0, LEARNED, copies)
        places = slice(LEARNED, LEARNED + copies)
        views[:, places] = views[:, sources] + noise * rng.normal(size=(2, copies, width))
        y[places] = y[sources]
        return {"a": views[0], "b": views[1], "y": y}, copies

    return draw


def answered(items: int, trait: float = 0.0, levels: int = 2) -> Draw:
    """Returns answers of independent people to items, half of them in each modality.

    Args:
        items: of both modalities. trait: deviation of what a person's answers share, where that of each is 1.
        levels: number of answers of an item, all equally frequent at first.
    """

    def draw(rng: np.random.Generator) -> Drawn:
        tendency = rng.normal(size=(ROWS, items)) + trait * rng.normal(size=(ROWS, 1))
        limits = np.quantile(tendency, np.arange(1, levels) / levels)
        answers = np.digitize(tendency, limits).astype(float)
        half = items // 2
        return {"a": answers[:, :half], "b": answers[:, half:], "y": rng.integers(0, 2, ROWS)}, 0

    return draw


def recorded(noise: float, gain: float = 1.0, width: int = 12) -> Draw:
    """Returns recordings of two classes, those of test rows by another device.

    Args:
        noise: deviation of a test recording about its class; that of a training recording is 1. gain: of test ones.
    """

    def draw(rng: np.random.Generator) -> Drawn:
        y = rng.integers(0, 2, ROWS)
        spread = np.where(SPLIT == "test", noise, 1.0)[:, None]
        views = []
        for _ in "ab":
            centres = 0.5 * rng.normal(size=(2, width))
            view = centres[y] + spread * rng.normal(size=(ROWS, width))
            views.append(np.where(SPLIT == "test", gain, 1.0)[:, None] * view)
        return {"a": views[0], "b": views[1], "y": y}, 0

    return draw


def spread_in_two_directions(rng: np.random.Generator) -> Drawn:
    """Returns rows that lie near a plane, so that some lie close together by chance."""
    views = rng.normal(size=(ROWS, 2)) @ rng.normal(size=(2, 24)) + 0.01 * rng.normal(
        size=(ROWS, 24)
    )
    return {"a": views[:, :12], "b": views[:, 12:], "y": rng.integers(0, 2, ROWS)}, 0


def labelled_features(rng: np.random.Generator) -> Drawn:
    """Returns features that were made with the labels of learned rows."""
    y = rng.integers(0, 2, ROWS)
    views = rng.normal(size=(2, ROWS, 12))
    views[0, :LEARNED, 0] += 2 * y[:LEARNED]
    return {"a": views[0], "b": views[1], "y": y}, 0


CASES: Mapping[str, Draw] = {
    **{
        f"{share:.0%} copies, noise {noise}": copied(share, noise)
        for noise in (0.02, 0.05, 0.15)
        for share in (0.2, 0.49, 0.52, 1.0)
    },
    "1% copies, noise 0.15": copied(0.01, 0.15),
    "52% equal copies": copied(0.52, 0.0),
    "52% copies, noise 0.15, 100 features a modality": copied(0.52, 0.15, 100),
    "52% copies, noise 0.15, 4 features a modality": copied(0.52, 0.15, 4),
    "52% copies, noise 0.05, each learned row twice": copied(0.52, 0.05, twice=True),
    "52% copies, noise 0.8": copied(0.52, 0.8),
    "no copies": copied(0.0, 0.0),
    "no copies, each learned row twice": copied(0.0, 0.05, twice=True),
    "near a plane": spread_in_two_directions,
    "6 yes-or-no answers": answered(6),
    "12 yes-or-no answers": answered(12),
    "20 yes-or-no answers with a trait": answered(20, 2.0),
    "12 answers of five levels with a trait": answered(12, 2.0, 5),
    "test recordings as in training": recorded(1.0),
    "test recordings 3 times as noisy": recorded(3.0),
    "test recordings 10 times as noisy": recorded(10.0),
    "test recordings a fifth as noisy": recorded(0.2),
    "test recordings 0.3 times as large": recorded(1.0, 0.3),
    "features made with labels": labelled_features,
}


def row(name: str, repetitions: int) -> list[str]:
    """Returns a row of the table."""
    copies = found = others = faults = known = leaks = 0
    for seed in range(repetitions):
        values, number = CASES[name](np.random.default_rng(seed))
        dataset = data_set_of({**values, "split": SPLIT}, name="drawn")
        overlap = find_split_overlap(dataset)
        told = find_known_labels(dataset) is not None
        places = np.concatenate([overlap.copies, overlap.near_copies])
        right = int((places < LEARNED + number).sum())
        copies, found, others = copies + number, found + right, others + len(places) - right
        faults += bool(len(places)) or told
        known += told
        leaks += bool(find_label_leaks(dataset))
    cells = [
        name,
        f"{found / copies:.1%}" if copies else "",
        f"{others:,}",
        *(f"{number / repetitions:.0%}" for number in (faults, known, leaks)),
    ]
    print("\t".join(cells), file=sys.stderr, flush=True)
    return cells


HEADER = (
    "Set",
    "Copies found",
    "Other rows taken for copies",
    "Fault of the split",
    "by known labels",
    "Features made with labels",
)


def flawless_cells(name: str) -> Sequence[list[str]]:
    """Returns what the cells of a case are, but for known labels, where nothing is missed and no alarm is false: with
    copies, or without."""
    leaks = "100%" if CASES[name] is labelled_features else "0%"
    return ["100.0%", "0", "100%", leaks], ["", "0", "0%", leaks]


def shortened(rows: Sequence[Sequence[str]]) -> str:
    """Returns the rows in which a copy is missed or an alarm is false, and how many others there are."""
    flawed = [cells for cells in rows if [*cells[1:4], cells[5]] not in flawless_cells(cells[0])]
    return (
        f"{tables.markdown(HEADER, flawed)}\n\nIn the other {len(rows) - len(flawed)} of {len(rows)} cases every copy "
        "is found, nothing else is taken for one, and every fault that was planted is reported and no other."
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--only", nargs="*", choices=list(CASES), help="to try: nothing is written")
    arguments = parser.parse_args(argv)
    names = arguments.only or CASES
    rows = [row(name, arguments.repetitions) for name in names]
    print(tables.markdown(HEADER, rows))
    if not arguments.only:
        how = f"Seeds 0 to {arguments.repetitions - 1}, 300 test rows each."
        text = f"{shortened(rows)} {how} {tables.provenance('split_checks.py')}"
        tables.write("split-checks", text)


if __name__ == "__main__":
    main()
