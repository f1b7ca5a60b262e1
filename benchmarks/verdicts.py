"""Verdicts against the truth, and their sentences beside their numbers, for a reader who checks every word.

    QFUSION_DATA=FOLDER python benchmarks/verdicts.py words
    QFUSION_DATA=FOLDER python benchmarks/verdicts.py read [--samples 30] [--seed 0] [--models NAME ...]

`words` prints, for the test samples of `planted`, how often the verdict of `qj-planted` is that of the true
contributions, by the rules of qfusion and by those before 2026-11-30 (no prior; a conflict of the two largest own terms
alone), with both confusion tables and the share of samples by how many training seeds give the verdict. `read` draws
test samples of several models, and prints what pages say of each beside its numbers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from qfusion.explain import bootstrap  # noqa: E402
from qfusion.explain.coalitions import AGAINST, CANCELLED, TAKEN_BACK, classify_relations  # noqa: E402
from qfusion.study import open_study  # noqa: E402
from qfusion.study.sample import Sample, build_sample  # noqa: E402
from qfusion.views.words.decisions import describe_conflict  # noqa: E402
from qfusion.views.words.verdicts import describe_decision, describe_headline, describe_leader  # noqa: E402

MODELS = ("qj-planted", "qj-scenes", "qj-avagree", "qj-mosi", "qcnn-digits", "qcnn-parity")


def earlier_relations(baseline: np.ndarray, own: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """Returns the relations by the rules before 2026-11-30, (B,)."""
    size = np.abs(own).sum(1) + np.abs(joint).sum(1)
    U, J = own.sum(1), joint.sum(1)
    net, score = U + J, baseline + U + J
    ordered = np.take_along_axis(own, np.argsort(-np.abs(own), axis=1, kind="stable"), 1)
    first, second = ordered[:, 0], ordered[:, 1]
    by_baseline = (score * baseline > 0) & (score * net <= 0) & (size > 0)
    return np.select(
        [
            (np.abs(net) < CANCELLED * size) | by_baseline,
            (np.abs(J) >= np.abs(U)) & (J * net > 0),
            (J * U < 0) & (np.abs(J) >= TAKEN_BACK * np.abs(U)),
            (first * second < 0) & (np.abs(second) >= AGAINST * np.abs(first)),
            np.abs(first) > np.abs(ordered[:, 1:]).sum(1),
        ],
        ["undecided", "joint", "correction", "conflict", "dominance"],
        "agreement",
    ).astype(object)


def compare_words() -> None:
    """Prints how often the words of `qj-planted` are those of the true contributions."""
    study = open_study("qj-planted")
    rows = study.dataset.rows("test")
    places = np.searchsorted(study.explained_rows, rows)
    M = len(study.modalities)
    ours = study.explained_dividends()[places]
    truth = study.dataset.truth.iloc[rows][list(study.coalitions)].to_numpy()
    for name, rule in (("rules before", earlier_relations), ("rules now", classify_relations)):
        said, true = (rule(d[:, 0], d[:, 1 : M + 1], d[:, M + 1 :]) for d in (ours, truth))
        same = bootstrap.mean(said == true)
        print(
            f"\n{name}: the same word on {same.value:.1%} of {len(rows)} test samples "
            f"(95% interval {same.low:.1%} to {same.high:.1%})"
        )
        print(pd.crosstab(pd.Series(true, name="true"), pd.Series(said, name="said")).to_string())
    judged = study.explained_verdicts()
    agreeing = pd.Series(judged.seeds_agree[places]).round(2)
    right = pd.Series(judged.relation[places] == true).groupby(agreeing).agg(["mean", "size"])
    right.index.name = "share of retrainings"
    right.columns = ["right", "samples"]
    print("\nBy the share of retrainings that give the word:")
    print(right.round(3).to_string())


def read_samples(models: list[str], samples: int, seed: int) -> None:
    """Prints sentences and numbers of test samples drawn at random."""
    rng = np.random.default_rng(seed)
    for place, part in enumerate(np.array_split(np.arange(samples), len(models))):
        study = open_study(models[place])
        rows = np.intersect1d(study.explained_rows, study.dataset.rows("test"))
        for row in rng.choice(rows, len(part), replace=False):
            print_sample(build_sample(study, int(row)))


def print_sample(sample: Sample) -> None:
    """Prints what is said of a sample, and its numbers."""
    found = sample.verdict
    print(
        f"\n{sample.name}, {sample.id}: explained {found.outputs[found.output]}, score {found.score:+.2f}"
    )
    for term, value in found.dividends.items():
        spread = f" ± {found.spread[term]:.2f}" if found.spread else ""
        flag = "  within its spread" if term in found.within_spread else ""
        print(f"    {term or 'baseline':24}{value:+8.2f}{spread}{flag}")
    sums = " ".join(f"±{spread:.2f}" for spread in found.sum_spreads)
    print(f"    own {found.own:+.2f}, joint {found.joint:+.2f}, net {found.net:+.2f} ({sums})")
    print(
        f"    relation {found.relation}, conflict {found.conflict}, seeds {found.agreeing} of {found.seeds}"
    )
    print(f"  decided?   {describe_decision(found)}")
    print(f"  conflict?  {describe_conflict(found)}")
    print(f"  waterfall: {describe_headline(found)}")
    print(f"  Shapley:   {describe_leader(found)}")


def main() -> None:
    """Prints the words or the samples."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("words", "read"))
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    options = parser.parse_args()
    if options.part == "words":
        compare_words()
    else:
        read_samples(options.models, options.samples, options.seed)


if __name__ == "__main__":
    main()
