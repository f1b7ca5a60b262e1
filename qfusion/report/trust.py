"""How far to trust the explanation, as measured for the model at hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qfusion.analysis.sample import Sample
from qfusion.errors import IntegrityError, NotFound
from qfusion.explain.contributions.coalitions import Explanation
from qfusion.explain.trust import faithfulness, reliability
from qfusion.explain.trust.reliability import TrustWarning
from qfusion.explain.trust.stability import Stability
from qfusion.figures import notebook, numbers
from qfusion.report.blocks import Block, Equation, Heading, Points, Strong, Table, cite, paragraph
from qfusion.report.drawn import HALF, figure, number

# test samples for the curves, by whether states are kets: rows of networks cost more
MAX_SAMPLES = {True: 600, False: 60}
KINDS = {"warning": "Beware", "fine": "Looked at", "unknown": "Not known"}


def section(sample: Sample, one: bool = True) -> Iterator[Block]:
    """Cautions in words, deletion curves, planted truth, training seeds; of one sample its own terms over the seeds."""
    explanation, rows, outputs = numbers.test_rows(sample, MAX_SAMPLES[sample.can("kets")])
    curves = faithfulness.modality_curves(explanation, outputs)
    truth = _truth(sample, explanation, rows)
    seeds, why = _seeds(sample)
    yield Heading("How far to trust this")
    yield paragraph(
        "Contributions are exact for this model and background; what can be wrong is what a reader makes of them. "
        f"Measured for this model, on {len(rows):,} test samples unless said otherwise:"
    )
    said = reliability.of_deletion(curves, "modalities")
    said += [reliability.no_truth()] if truth is None else reliability.of_truth(truth)
    said += (
        reliability.of_stability(
            seeds, _errors(sample), "score of the true class" if sample.classes else sample.unit
        )
        if seeds
        else []
    )
    said += reliability.of_joint(explanation, outputs)
    said += [] if seeds else [TrustWarning(why, "unknown")]
    order = list(KINDS)
    yield Points(
        tuple(
            (Strong(f"{KINDS[one.kind]}: "), one.sentence)
            for one in sorted(said, key=lambda one: order.index(one.kind))
        )
    )
    yield _deletion(curves)
    yield paragraph(
        "Deletion and insertion after ",
        cite("samek2017", "petsiuk2018"),
        ", over B samples; ℳ are all modalities, m₁ is the one with the largest |Shapley value|. What is "
        "taken away is averaged over the background, so the curves are read off the exact values:",
    )
    yield Equation("curves")
    yield from _over_seeds(sample, seeds, one)
    if truth is not None:
        yield Table(
            ("Term", "Correlation", "Rank correlation"),
            tuple(
                (term.replace("+", " + "), number(a), number(b))
                for term, a, b in zip(truth.terms, truth.pearson, truth.rank, strict=True)
            ),
            f"Exact against planted contributions, over {len(rows):,} test samples.",
        )


def _deletion(curves: faithfulness.Curves) -> Block:
    gain = min(curves.deletion_gain.min(), curves.insertion_gain.min())
    beats = "beats every one" if curves.better else "does not beat every one"
    steps = ", ".join(
        f"{share:.0%} {value:.2f}"
        for share, value in zip(curves.shares, curves.deletion, strict=True)
    )
    others = ", ".join(f"{value:.2f}" for value in curves.random_deletion.mean(0))
    return figure(
        notebook.deletion_of(curves),
        "Modalities taken away, the most important (by |Shapley value|) first: mean |change| of the score "
        f"over {curves.samples:,} test samples. Grey: {len(curves.random_deletion)} random orders, drawn "
        f"anew for every sample. Ours {beats} of them, at deletion and insertion (smallest gain in area "
        f"{gain:.3f}).",
        f"Deletion curve: {steps}; random orders on average {others}.",
        HALF,
    )


def _over_seeds(sample: Sample, seeds: Stability | None, one: bool) -> Iterator[Block]:
    if seeds is None:
        return
    if one and sample.row in sample.dataset.rows("test"):
        table = numbers.stability(sample)
        what = "the true class's score" if sample.classes else f"the {sample.unit}"
        spread = ", ".join(
            f"{term} {values.min():+.2f} to {values.max():+.2f}" for term, values in table.items()
        )
        yield figure(
            notebook.stability(sample),
            f"This sample's terms of {what} by models from {len(seeds.seeds)} training seeds, against "
            f"the {seeds.background_size:,} training samples; the filled dot is the shipped "
            "model.",
            f"Terms over seeds: {spread}.",
            HALF,
        )
    ranks = seeds.rank_correlations()
    yield Table(
        ("Term", "Mean rank correlation", "Lowest pair"),
        tuple(
            (term.replace("+", " + "), number(mean), number(low))
            for term, (mean, low) in ranks.items()
        ),
        f"Do {len(seeds.seeds)} training seeds order {seeds.dividends.shape[1]:,} test samples alike? Between "
        "all pairs of seeds.",
    )


def _truth(
    sample: Sample, explanation: Explanation, rows: np.ndarray
) -> faithfulness.AgainstTruth | None:
    truth = sample.dataset.truth
    if truth is None or sample.classes or sample.dataset.names != sample.modalities:
        return None
    return faithfulness.against_truth(explanation, truth.iloc[rows])


def _seeds(sample: Sample) -> tuple[Stability | None, str]:
    """What was measured over training seeds, or why it does not count here."""
    if sample.changed:
        return None, (
            "How other training seeds would explain this is measured for the model as trained, not as it is "
            "changed here."
        )
    try:
        return numbers.seeds(sample), ""
    except (NotFound, IntegrityError) as error:
        return None, str(error).replace("`", "")


def _errors(sample: Sample) -> np.ndarray:
    """Errors on all test rows, as the pages have them: absolute, or 1 - softmax of the true class."""
    import torch

    rows = sample.dataset.rows("test")
    with torch.no_grad():
        scores = sample.model(sample.dataset.inputs(rows, dtype=torch.float64)).numpy()
    if not sample.classes:
        return np.abs(scores[:, 0] - sample.dataset.y[rows])
    weights = np.exp(scores - scores.max(1, keepdims=True))
    return (
        1 - (weights / weights.sum(1, keepdims=True))[np.arange(len(rows)), sample.dataset.y[rows]]
    )
