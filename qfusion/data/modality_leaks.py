"""A modality that determines the target as a whole: repeated rows with one target, or an accurate linear model."""

from collections.abc import Iterator

import numpy as np
from scipy.special import gammaln

from qfusion.data.class_leaks import max_pure_values
from qfusion.data.leak_search import ALPHA, FEW

LINEAR = (0.995, 0.999)  # accuracy for classes, R2 for amounts
MAX_LINEAR = 500  # rows of the linear model
FOLDS = 5


def find_modality_leaks(
    values: np.ndarray, y: np.ndarray, is_class: bool, log_tests: float
) -> Iterator[tuple[str, str]]:
    """Yield the leaks of all features together, none of which is suspected alone: a kind and a sentence."""
    _, row, sizes = np.unique(
        np.ascontiguousarray(values, np.float32), axis=0, return_inverse=True, return_counts=True
    )
    row = row.ravel()
    samples, different = len(y), len(sizes)
    same = "Samples that are alike in this modality always have the same target"
    pairs = len(np.unique(np.stack([row, y]), axis=1).T)
    if is_class and 2 <= different < max_pure_values(y, log_tests) and pairs == different:
        if different <= 2 * (y.max() + 1):
            yield "target", f"{same}: its {different:,} different rows are a code of the classes."
        else:
            yield (
                "near",
                f"{same}, with {different:,} different rows. They may tell whom or what a sample is of, such as a "
                "speaker.",
            )
        return
    if not is_class and 2 <= different <= samples / 3:
        by_target = row[np.lexsort((row, y))]
        changes = int((np.diff(by_target) != 0).sum())
        log_p = gammaln(different + 1) + gammaln(sizes + 1).sum() - gammaln(samples + 1)
        if changes == different - 1 and log_p + log_tests < np.log(ALPHA):
            yield (
                "target",
                f"The {different:,} different rows of this modality are a code of the target: each stands for a "
                "range of it.",
            )
            return
    if values.shape[1] > 1 and samples >= 2 * FEW:
        fit = _linear_score(values, y, is_class)
        if fit >= LINEAR[0 if is_class else 1]:
            how = (
                f"is right for {fit:.1%} of the samples" if is_class else f"has an R2 of {fit:.4f}"
            )
            yield (
                "near",
                f"This modality alone nearly tells the target: a linear model of it {how}.",
            )


def _linear_score(values: np.ndarray, y: np.ndarray, is_class: bool) -> float:
    """Cross-validated accuracy, or R2, of a ridge regression onto the target, or onto one column a class."""
    mixed = np.random.default_rng(2).permutation(len(y))[:MAX_LINEAR]
    values, y = values[mixed], y[mixed]
    wanted = (y[:, None] == np.unique(y)).astype(float) if is_class else y[:, None] - y.mean()
    products = values @ values.T + 1.0  # 1 for the constant
    products /= np.trace(products) / len(y)
    fold = np.arange(len(y)) % FOLDS
    predicted = np.empty_like(wanted)
    for out in range(FOLDS):
        inside = fold != out
        inner = products[np.ix_(inside, inside)] + 1e-4 * np.eye(int(inside.sum()))
        predicted[~inside] = products[np.ix_(~inside, inside)] @ np.linalg.solve(
            inner, wanted[inside]
        )
    if is_class:
        return float((predicted.argmax(1) == wanted.argmax(1)).mean())
    return float(1 - ((predicted - wanted) ** 2).sum() / (wanted**2).sum())
