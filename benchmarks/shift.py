"""Why a raw class score is no decision: explanations of raw scores beside those of log-odds, measured in one run.

    QFUSION_DATA=FOLDER python benchmarks/shift.py [vector models seeds background words] [--runs FOLDER]
        [--draws 10] [--dry]

Softmax does not change when one number is added to the scores of all classes. `vector` adds one random vector to the
weights of all classes and asks what changes; `models` measures what all classes share in every shipped classifier;
`seeds` asks how well training seeds agree, of the checkpoints NAME-seedK.json in the folder --runs, as
`scripts/train_models.py --runs FOLDER` writes them, and is skipped without that folder; `background` counts how many
verdicts name single modalities against each background; `words` gives the verdicts on true dividends. Without names
all five are measured. The numbers are kept in benchmarks/runs/shift.json, so that one part can be measured again
alone. Writes the tables `shift-*` of docs/reading-numbers.md.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import softmax
from scipy.stats import spearmanr

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import tables  # noqa: E402

from qfusion import data, explain, plugin  # noqa: E402
from qfusion.explain import Explanation, verdicts  # noqa: E402
from qfusion.explain.coalitions import classify_relations  # noqa: E402
from qfusion.models import FusionModel, base  # noqa: E402
from qfusion.training import checkpoint, checkpoint_cards  # noqa: E402

KEPT = ROOT / "benchmarks" / "runs" / "shift.json"
BACKGROUNDS = ("product", "joint")
SCORES = ("raw", "log-odds")
PARITY = ("qj-parity", "qcnn-parity")
OTHER_BACKGROUNDS = ("qj-avagree", "qj-avparity", "qj-parity", "qj-scenes", "qcnn-scenes")
OWN_WORDS = {
    "planted": {
        "agreement": "agreement",
        "text decides": "dominance",
        "voice decides": "dominance",
        "face decides": "dominance",
        "conflict": "conflict",
        "sarcasm": "joint",
        "synergy": "joint",
        "mixed": "",
    },
    "scenes": {"presence": "joint", "places": "joint"},
}
TYPES = {"planted": "regime", "scenes": "asks_about"}  # the column that names a sample's type
DECIDING = {"text decides": "text", "voice decides": "audio", "face decides": "vision"}
WORDS = ("agreement", "dominance", "conflict", "correction", "joint", "prior", "undecided")

Record = dict[str, Any]


# What is explained.


@dataclass(frozen=True)
class Subject:
    """A classifier with the rows that explain it.

    Attributes:
        model: with raw scores, in double precision and eval mode.
        inputs: of the explained samples. background_inputs: of the samples that stand in for absent modalities.
    """

    model: FusionModel
    inputs: Mapping[str, Any]
    background_inputs: Mapping[str, Any]

    @cached_property
    def decided(self) -> np.ndarray:
        """Number of the decided class of every sample, (B,)."""
        return self.raw_scores.argmax(1)

    @cached_property
    def raw_scores(self) -> np.ndarray:
        """Raw scores of every sample, (B, C)."""
        with torch.no_grad():
            return self.model(self.inputs).numpy()

    def explained(self, scores: str, background: str) -> Explanation:
        """Returns the contributions to raw scores or to log-odds of all classes.

        Args:
            scores: of SCORES. background: kind of the background.
        """
        model = self.model if scores == "raw" else base.log_odds_against_others(self.model)
        rows = explain.background(model, self.background_inputs, background)
        return explain.explain(model, self.inputs, rows)


def opened(name: str | Path) -> tuple[Subject, data.DataSet]:
    """Returns a checkpoint on the test rows of its data, and the data."""
    kept = checkpoint.load(name)
    dataset = data.load(kept.card["data"]["name"])
    training = dataset.rows(checkpoint_cards.training_split(kept.card))
    inputs = dataset.inputs(dataset.rows("test"), torch.float64)
    return Subject(kept.model, inputs, dataset.inputs(training, torch.float64)), dataset


@torch.no_grad()
def with_vector(model: FusionModel, seed: int) -> FusionModel:
    """Returns a copy of a classifier with one random vector added to the weights of all classes.

    Its probabilities are those of the model. The vector is normal, with the root mean square of the weights as its
    standard deviation; the biases get one number in the same way.
    """
    other = copy.deepcopy(model)
    parameters = dict(other.named_parameters())
    random = torch.Generator().manual_seed(seed)
    for name in model.head_parameters():
        weights = parameters[name]
        vector = torch.randn(weights.shape[1:], generator=random, dtype=weights.dtype)
        weights.add_(weights.square().mean().sqrt() * vector)
    return other


# What is measured of an explanation.


def judged(explanation: Explanation, outputs: np.ndarray, scores: str) -> verdicts.Verdicts:
    """Returns the verdicts on all samples; the sign of a score decides only of log-odds."""
    return verdicts.judge(explanation, outputs, boundary=0.0 if scores == "log-odds" else None)


def terms_of(explanation: Explanation, outputs: np.ndarray) -> np.ndarray:
    """Returns the contributions to one output of each sample, the baseline left out, (B, 2^M - 1)."""
    return explanation.dividends[np.arange(len(outputs)), 1:, outputs]


def common_share(explanation: Explanation, outputs: np.ndarray) -> float:
    """Returns the size of what the contributions to all classes share, as a share of the rest.

    Of every sample: the sizes of the terms' means over the classes, over the sizes of what the terms of the explained
    class have beyond these means. The mean over the samples.
    """
    common = explanation.dividends[:, 1:].mean(-1)
    rest = terms_of(explanation, outputs) - common
    return float((np.abs(common).sum(1) / np.abs(rest).sum(1)).mean())


def against_runner_up(explanation: Explanation) -> Explanation:
    """Returns the log-odds of each sample's decided class against its runner-up, as the only output.

    Args:
        explanation: of log-odds against the others.
    """
    order = np.argsort(explanation.prediction, axis=1)
    samples = np.arange(len(order))

    def difference(values: np.ndarray) -> np.ndarray:
        decided, second = (values[samples, :, order[:, place]] for place in (-1, -2))
        return explanation.logit_scale * (decided - second)[..., None]

    return replace(
        explanation,
        outputs=("decided class",),
        values=difference(explanation.values),
        dividends=difference(explanation.dividends),
        shapley=difference(explanation.shapley),
        logit_scale=1.0,
        errors=None,
    )


def share(flags: np.ndarray) -> float:
    """Returns the share of samples that a statement holds for."""
    return float(np.mean(flags))


# One vector added to the weights of all classes.


def measured_vector(draws: int) -> list[Record]:
    """Returns what a vector common to all classes changes in `PARITY`, and how often a modality is named there."""
    records = []
    for name in PARITY:
        subject, _ = opened(name)
        others = [replace(subject, model=with_vector(subject.model, k)) for k in range(draws)]
        probabilities = softmax(subject.raw_scores, 1)
        record: Record = {"model": name, "draws": draws}
        record["probability"] = max(
            float(np.abs(softmax(other.raw_scores, 1) - probabilities).max()) for other in others
        )
        for scores, background in itertools.product(SCORES, BACKGROUNDS):
            record[f"{scores}, {background}"] = of_draws(subject, others, scores, background)
        records.append(record)
        print(record, flush=True)
    return records


def of_draws(subject: Subject, others: Sequence[Subject], scores: str, background: str) -> Record:
    """Returns how often a leader is named, and what changes when the model is replaced by each of the others."""
    before = subject.explained(scores, background)
    leader = judged(before, subject.decided, scores).leader
    changed, largest = [], []
    for other in others:
        after = other.explained(scores, background)
        changed.append(share(judged(after, subject.decided, scores).leader != leader))
        difference = terms_of(after, subject.decided) - terms_of(before, subject.decided)
        largest.append(float(np.abs(difference).max()))
    return {"named": share(leader != ""), "changed": changed, "largest": largest}


def write_vector(records: Sequence[Record], when: str) -> None:
    """Writes the table of a vector common to all classes."""
    columns = [f"{scores}, {background}" for background in BACKGROUNDS for scores in SCORES]
    lines: dict[str, tuple[str, Callable[[Any], str]]] = {
        "another modality leads": ("changed", tables.spread),
        "largest change of a contribution": ("largest", sized),
        "a modality is named as leading": ("named", "{:.3f}".format),
    }
    rows = []
    for record in records:
        for line, (key, text) in lines.items():
            name = f"`{record['model']}`" if key == "changed" else ""
            cells = [text(record[column][key]) for column in columns]
            rows.append([name, line, *cells])
    header = ["Model", "Test samples", *(heading(column) for column in columns)]
    note = (
        f"Mean ± standard deviation over {records[0]['draws']} draws of the vector. Probabilities change by at most "
        f"{max(record['probability'] for record in records):.0e}."
    )
    finish("shift-vector", header, rows, note, when)


def heading(column: str) -> str:
    """Returns "Raw score, `product` background" of "raw, product"."""
    scores, background = column.split(", ")
    name = {"raw": "Raw score", "log-odds": "Log-odds"}[scores]
    return f"{name}, `{background}` background"


def sized(values: Sequence[float]) -> str:
    """Returns mean and deviation of sizes, or their upper bound where they are rounding errors."""
    return f"< {1e-9:.0e}" if max(values) < 1e-9 else tables.spread(values, 2)


# What all classes share, in every shipped classifier.


def classifiers() -> Iterator[tuple[str, Subject]]:
    """Yields every shipped classifier on the test rows of its data."""
    for path in plugin.glob_assets("models", "*.json"):
        if checkpoint_cards.load_card(path.stem)["target"]["kind"] == "classification":
            yield path.stem, opened(path.stem)[0]


def measured_models() -> list[Record]:
    """Returns the common part of every shipped classifier, and what it does to leaders."""
    records = []
    for name, subject in classifiers():
        raw, odds = (subject.explained(scores, "product") for scores in SCORES)
        before = judged(raw, subject.decided, "raw").leader
        after = judged(odds, subject.decided, "log-odds").leader
        pair = against_runner_up(odds)
        runner_up = verdicts.judge(pair).leader
        record = {
            "model": name,
            "classes": len(raw.outputs),
            "common": common_share(raw, subject.decided),
            "common of log-odds": common_share(odds, subject.decided),
            "named raw": share(before != ""),
            "named log-odds": share(after != ""),
            "other leader": share(before != after),
            "other leader, runner-up": share(before != runner_up),
        }
        records.append(record)
        print(record, flush=True)
    return records


def write_models(records: Sequence[Record], when: str) -> None:
    """Writes the table of the shipped classifiers."""
    keys = ("common", "named raw", "named log-odds", "other leader")
    rows = []
    for record in records:
        cells = [f"{record[key]:.3f}" for key in keys]
        runner_up = "same" if record["classes"] == 2 else f"{record['other leader, runner-up']:.3f}"
        rows.append([f"`{record['model']}`", str(record["classes"]), *cells, runner_up])
    header = [
        "Test samples, product background",
        "Classes",
        "Common part, share of the rest",
        "Leader named, raw",
        "Leader named, log-odds",
        "Another leader, raw against log-odds",
        "The same, raw against the runner-up",
    ]
    largest = max(record["common of log-odds"] for record in records)
    note = (
        f"The common part of log-odds is 0 (at most {largest:.0e}), by their definition. Here and above, a modality "
        "leads by 10 points of the shares; the rule of seeds is off."
    )
    finish("shift-models", header, rows, note, when)


# How well training seeds agree.


def seeds_in(folder: Path) -> dict[str, list[Path]]:
    """Returns the checkpoints NAME-seedK.json of a folder by NAME, in the order of K; names with one seed are left
    out."""
    by_name: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.glob("*-seed*.json")):
        if parts := re.fullmatch(r"(.+)-seed(\d+)", path.stem):
            by_name.setdefault(parts[1], {})[int(parts[2])] = path
    return {
        name: [paths[seed] for seed in sorted(paths)]
        for name, paths in sorted(by_name.items())
        if len(paths) > 1
    }


def measured_seeds(folder: Path) -> list[Record]:
    """Returns how well the seeds of every classifier in a folder agree on the true class of each test sample."""
    records = []
    for name, paths in seeds_in(folder).items():
        card = checkpoint_cards.load_card(paths[0])
        if card["target"]["kind"] != "classification":
            continue
        subjects = [opened(path)[0] for path in paths]
        dataset = data.load(card["data"]["name"])
        true = dataset.y[dataset.rows("test")].astype(int)
        for background in BACKGROUNDS:
            record: Record = {"model": name, "seeds": len(paths), "background": background}
            for scores in SCORES:
                record[scores] = agreement(subjects, true, scores, background)
            records.append(record)
            print(record, flush=True)
    return records


def agreement(
    subjects: Sequence[Subject], outputs: np.ndarray, scores: str, background: str
) -> Record:
    """Returns how often seeds name a leader, and how well any two of them agree.

    `leader` counts samples on which two seeds name the same modality or both name none; `largest` those on which the
    same modality has the largest Shapley share, however small its lead; `joint` is the rank correlation over samples of
    the sum of all joint terms, of each pair of seeds.
    """
    leaders, largest, joint = [], [], []
    for subject in subjects:
        explanation = subject.explained(scores, background)
        result = judged(explanation, outputs, scores)
        leaders.append(result.leader)
        largest.append(result.shares.argmax(1))
        joint.append(terms_of(explanation, outputs)[:, len(explanation.modalities) :].sum(1))
    return {
        "named": [share(leader != "") for leader in leaders],
        "leader": of_pairs(leaders, lambda a, b: share(a == b)),
        "largest": of_pairs(largest, lambda a, b: share(a == b)),
        "joint": of_pairs(joint, lambda a, b: float(spearmanr(a, b).statistic)),
    }


def of_pairs(
    values: Sequence[np.ndarray], measure: Callable[[np.ndarray, np.ndarray], float]
) -> list[float]:
    """Returns a measure of every pair of seeds."""
    return [measure(a, b) for a, b in itertools.combinations(values, 2)]


def write_seeds(records: Sequence[Record], when: str) -> None:
    """Writes the table of the seeds."""
    keys = ("named", "leader", "largest", "joint")
    rows = []
    for record in records:
        first = record["background"] == BACKGROUNDS[0]
        cells = [
            " / ".join(f"{np.mean(record[scores][key]):.3f}" for scores in SCORES) for key in keys
        ]
        name = f"`{record['model']}`" if first else ""
        rows.append([name, str(record["seeds"]), record["background"], *cells])
    header = [
        "Raw score / log-odds of the true class",
        "Seeds",
        "Background",
        "Leader named",
        "Two seeds agree on who leads",
        "Two seeds agree on the largest share",
        "Rank correlation of the joint terms' sum",
    ]
    note = (
        "Test samples; means over seeds or over pairs of seeds. Two seeds agree on who leads where both name the same "
        "modality or both name none."
    )
    finish("shift-seeds", header, rows, note, when)


# The background.


def measured_background() -> list[Record]:
    """Returns how many verdicts name single modalities against each background."""
    records = []
    for name in OTHER_BACKGROUNDS:
        subject, _ = opened(name)
        record: Record = {"model": name}
        relations = {}
        for background in BACKGROUNDS:
            explanation = subject.explained("log-odds", background)
            relation = judged(explanation, subject.decided, "log-odds").relation
            own = terms_of(explanation, subject.decided)[:, : len(explanation.modalities)]
            relations[background] = relation
            record[background] = {
                "single": share(np.isin(relation, ["conflict", "dominance", "agreement"])),
                "joint": share(relation == "joint"),
                "own": float(np.abs(own).mean()),
            }
        record["differ"] = share(relations["joint"] != relations["product"])
        records.append(record)
        print(record, flush=True)
    return records


def write_background(records: Sequence[Record], when: str) -> None:
    """Writes the table of the backgrounds."""
    rows = []
    for record in records:
        cells = [
            f"{record[background][key]:.3f}"
            for key in ("single", "joint", "own")
            for background in BACKGROUNDS
        ]
        rows.append([f"`{record['model']}`", *cells, f"{record['differ']:.3f}"])
    header = [
        "Test samples, log-odds of the decided class",
        *(
            f"{text}, `{background}`"
            for text in (
                "Single modalities named",
                "Combination named",
                "Own term, mean size (nats)",
            )
            for background in BACKGROUNDS
        ),
        "Another relation",
    ]
    note = (
        "Single modalities are named by agreement, dominance and conflict, the combination by joint. The last column "
        "is the share of samples with another relation against the other background."
    )
    finish("shift-background", header, rows, note, when)


# The verdicts on true dividends.


def true_relations(dataset: data.DataSet) -> np.ndarray:
    """Returns the relation of every test row by its true dividends."""
    assert dataset.truth is not None
    truth = dataset.truth.iloc[dataset.rows("test")]
    joint = [name for name in truth.columns if "+" in name]
    return classify_relations(
        truth[""].to_numpy(), truth[list(dataset.names)].to_numpy(), truth[joint].to_numpy()
    )


def measured_words() -> list[Record]:
    """Returns the share of every relation among the test rows of each type, by true dividends."""
    records = []
    for name, own_words in OWN_WORDS.items():
        dataset = data.load(name)
        relations = true_relations(dataset)
        types = dataset.table[TYPES[name]].to_numpy()[dataset.rows("test")]
        for kind, own_word in own_words.items():
            here = relations[types == kind]
            record: Record = {"data": name, "type": kind, "samples": len(here), "word": own_word}
            record["counts"] = {word: int((here == word).sum()) for word in WORDS}
            if kind in DECIDING:
                undecided = (types == kind) & (relations == "undecided")
                record["taken back"] = taken_back(dataset, undecided, DECIDING[kind])
            records.append(record)
            print(record, flush=True)
    return records


def taken_back(dataset: data.DataSet, chosen: np.ndarray, modality: str) -> Record:
    """Returns which part of a modality's own true term all other terms take back, which of them does most, and what is
    left of the true scores.

    Args:
        chosen: which of the test rows, (B,).
    """
    assert dataset.truth is not None
    truth = dataset.truth.iloc[dataset.rows("test")[chosen]]
    own = truth[modality].to_numpy()
    others = truth.drop(columns=["", modality])
    part = -others.sum(axis=1).to_numpy() / own
    opposing = (others * -np.sign(own)[:, None]).mean()
    return {
        "part": float(np.median(part)),
        "most": str(opposing.idxmax()),
        "size": float(opposing.max()),
        "own": float(np.abs(own).mean()),
        "scores": [float(truth.sum(axis=1).min()), float(truth.sum(axis=1).max())],
        "baseline": float(truth[""].iloc[0]),
    }


def write_words(records: Sequence[Record], when: str) -> None:
    """Writes the table of verdicts by type, and a sentence for each type whose own word is not the most frequent."""
    rows = []
    for record in records:
        cells = [
            f"**{count}**" if word == record["word"] else str(count)
            for word, count in record["counts"].items()
        ]
        rows.append([f"`{record['data']}`: {record['type']}", str(record["samples"]), *cells])
    lines = [line for record in records if (line := exception(record))]
    note = (
        "Bold: the type's own word. `mixed` has none. `parity` has no true dividends.\n\n"
        + "\n".join(lines)
    )
    finish("shift-words", ["Type, test samples", "All", *WORDS], rows, note, when)


def exception(record: Record) -> str:
    """Returns a sentence where a type's own word is not the most frequent one, else nothing."""
    counts, own_word = record["counts"], record["word"]
    most = max(counts, key=counts.__getitem__)
    if not own_word or counts[own_word] == counts[most]:
        return ""
    text = (
        f"- {record['type']}: {most} in {counts[most]} of {record['samples']} samples, {own_word} in "
        f"{counts[own_word]}."
    )
    if "taken back" in record and most == "undecided":
        modality = DECIDING[record["type"]]
        back = record["taken back"]
        low, high = back["scores"]
        text += (
            f" In those {counts[most]} the other terms take back {back['part']:.0%} of {modality}'s own term (median), "
            f"most of it {back['most']} ({back['size']:.2f} against {back['own']:.2f} on average). Their true scores "
            f"lie between {low:+.2f} and {high:+.2f}, around a baseline of {back['baseline']:+.2f}."
        )
    return text


# The page.


def finish(
    name: str, header: Sequence[str], rows: Sequence[Sequence[str]], note: str, when: str
) -> None:
    """Writes a table with its note and provenance between its markers."""
    text = f"{tables.markdown(header, rows)}\n\n{note}\n\n{tables.provenance('shift.py', when)}"
    tables.write(name, text)


WRITERS = {
    "vector": write_vector,
    "models": write_models,
    "seeds": write_seeds,
    "background": write_background,
    "words": write_words,
}


def measured(part: str, runs: Path | None, draws: int) -> list[Record]:
    """Returns the numbers of one part; none where they need seeds that are not given."""
    match part:
        case "vector":
            return measured_vector(draws)
        case "models":
            return measured_models()
        case "background":
            return measured_background()
        case "words":
            return measured_words()
    if runs is None:
        print("Part `seeds` is skipped: give the checkpoints of several seeds by --runs FOLDER.")
        return []
    return measured_seeds(runs)


def main() -> None:
    """Measures the parts, keeps their numbers and writes the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(WRITERS)}; default all")
    parser.add_argument("--runs", type=Path, help="folder with checkpoints NAME-seedK.json")
    parser.add_argument("--draws", type=int, default=10, help="of the vector")
    parser.add_argument("--dry", action="store_true", help="print and write nothing")
    arguments = parser.parse_args()
    if wrong := [part for part in arguments.parts if part not in WRITERS]:
        parser.error(f"There is no part {', '.join(wrong)}. There are: {', '.join(WRITERS)}.")
    torch.set_num_threads(1)
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for part in arguments.parts or WRITERS:
        records = measured(part, arguments.runs, arguments.draws)
        if not records or arguments.dry:
            continue
        kept[part] = {"date": date.today().isoformat(), "records": records}
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        WRITERS[part](records, kept[part]["date"])


if __name__ == "__main__":
    main()
