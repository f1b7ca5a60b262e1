"""A sample's explanation in plain sentences, as markdown: what decided, since when, what would flip it; and what each
system is. Sentences that need no data set are `qfusion.explain.verdicts`'."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qfusion._sentences import listed, share as percent, size, sizes, top
from qfusion.analysis import Sample, background_agreement, changes, text
from qfusion.analysis.study import Study
from qfusion.explain import verdicts
from qfusion.explain.coalitions import net_joint_share as net_joint_share
from qfusion.models.truth_tables import stage_sizes
from qfusion.quantum.circuits import BLOCKS

MARKDOWN = verdicts.Words(text.plain, "**{}**".format)


def verdict(study: Study, scores: np.ndarray) -> str:
    """A decision in words; scores (C,)."""
    return verdicts.verdict_sentence(scores, study.classes, MARKDOWN)


def numbered(study: Study, scores: np.ndarray) -> str:
    """A decision with its number; scores (C,)."""
    number = (
        text.softmax(float(study.softmax(scores).max()))
        if study.classes
        else f"{float(scores[0]):+.2f}"
    )
    return f"{verdict(study, scores)} ({number})"


def flip(study: Study, flips: Mapping[str, changes.Flip]) -> str:
    """What would flip the decision; `flips` of `changes.what_would_flip`."""
    able = {name: flip for name, flip in flips.items() if flip.state.possible}
    if not able:
        return (
            "No change of a single modality would flip it"
            if study.can("states")
            else "No change of a single modality was found that flips it"
        )
    distances = {name: flip.state.distance for name, flip in able.items()}
    rad = " rad" if study.can("states") else ""
    ends: dict[str, list[str]] = {}
    for name in top(distances, smallest=True):
        state = able[name].state
        end = f"{'would' if state.verified else 'may'} flip it to {verdict(study, state.after)}"
        ends.setdefault(end, []).append(text.plain(name))
    words = ", ".join(
        f"{'a' if place else 'A'} change of {' or of '.join(names)} alone by {size(min(distances.values()))}{rad} {end}"
        for place, (end, names) in enumerate(ends.items())
    )
    real = {name: flip for name, flip in flips.items() if flip.donor_id}
    if real:
        donor, lent = min(real.items(), key=lambda item: item[1].donor.distance)
        to = verdict(study, lent.donor.scores)
        words += (
            f"; {'so would' if lent.donor.verified else 'so may'} the {text.plain(donor)} of sample "
            f"{text.plain(lent.donor_id)}{'' if f' flip it to {to}' in words else f', to {to}'}"
        )
    return words


def decided(sample: Sample) -> str:
    """Which modality decided, or that the combination did, and whether other backgrounds give the same word."""
    compared = background_agreement.sentence(background_agreement.words_of_sample(sample))
    return f"{verdicts.decided(sample.verdict, MARKDOWN)} {compared}".strip()


def conflict(sample: Sample) -> str:
    """Whether the modalities conflict."""
    return verdicts.conflict(sample.verdict, MARKDOWN)


def leading(sample: Sample) -> str:
    """Which modality leads by its Shapley share, as a title."""
    return verdicts.leading(sample.verdict, MARKDOWN._replace(strong=str))


def settled(study: Study, scores: np.ndarray, where: Sequence[str]) -> str:
    """Since when the decision is what it is at the end.

    Args:
        scores: (P, C), along time or the layers. where: how each of the P places is called.
    """
    return verdicts.settled([verdict(study, score) for score in scores], where, MARKDOWN)


def finding(dividends: Mapping[str, float]) -> str:
    """The largest part of a decision, as a title."""
    return verdicts.largest_part(dividends, MARKDOWN)


def finding_for(sample: Sample, dividends: Mapping[str, float]) -> str:
    """The largest part of a decision as a title that says whether it speaks for the explained class or against it."""
    title = finding(dividends)
    if not sample.classes:
        return title
    largest = [dividends[term] for term in verdicts.largest_terms(dividends)]
    side = "against" if largest and max(largest) < 0 else "for"
    return title + sample.whose.replace(" for ", f" {side} ", 1)


# When does the decision leave the single modalities, and does entanglement move then? Free of streamlit.

KINDS = ("contributions", "Shapley values")


def leaves_at(share: np.ndarray) -> int | None:
    """The first place from which on the joint terms outweigh the single ones for good, or None."""
    wins = share > 0.5
    if not wins[-1]:
        return None
    losing = np.flatnonzero(~wins)
    return int(losing[-1]) + 1 if len(losing) else 0


def done_by(values: np.ndarray, place: int) -> float | None:
    """How much of its way from the first to the last value a series has gone by a place; None where it hardly moves."""
    way = float(values[-1] - values[0])
    return None if abs(way) < 1e-3 else float(values[place] - values[0]) / way


def answer(
    dividends: Mapping[str, np.ndarray],
    moving: np.ndarray,
    moving_name: str,
    unit: str,
    where: list[str],
) -> str:
    """When the decision leaves the single modalities, and how far entanglement has moved by then, as a title."""
    share = net_joint_share(dividends)
    place = leaves_at(share)
    ends = f"{percent(share[0])}, then {percent(share[-1])}"
    meanwhile = f"while {moving_name} goes from {moving[0]:z.2f} to {moving[-1]:z.2f} {unit}"
    if place is None:
        return (
            f"The decision {'ends' if (share > 0.5).any() else 'stays'} with the single modalities "
            f"(joint terms {ends} of the net sums), {meanwhile}"
        )
    if place == 0:
        return f"Joint terms outweigh the single modalities from the start ({ends} of the net sums), {meanwhile}"
    done = done_by(moving, place)
    if done is None:
        moved = (
            f"{moving_name} is there as at the start and at the end ({moving[-1]:z.2f} {unit})"
            if np.ptp(moving) < 1e-3
            else f"{moving_name} is {moving[place]:z.2f} {unit} there, {moving[-1]:z.2f} at both ends"
        )
    elif 0 <= done <= 1:
        moved = f"by then {moving_name} has gone {percent(done)} of its way"
    else:
        moved = (
            f"by then {moving_name} is {moving[place]:z.2f} {unit}; it begins at {moving[0]:z.2f} and ends at "
            f"{moving[-1]:z.2f}"
        )
    return f"The decision leaves the single modalities for good at {where[place]}: {moved}"


def largest_at(dividends: Mapping[str, np.ndarray], place: int) -> str:
    """Which terms are the largest at a place, with their values, as markdown."""
    now = {term: float(values[place]) for term, values in dividends.items() if term}
    first = top(sizes(now))
    if round(abs(now[first[0]]), 2) == 0:
        return "no term as large as 0.01"
    named = listed([f"{text.term(term)} ({now[term]:+.2f})" for term in first])
    return f"largest term{'s, alike,' if len(first) > 1 else ''} {named}"


def since_when(sample: Sample) -> str:
    """Since when, or from which place between the layers on, the decision is as at the end, as markdown; of several
    classes through time, what is known of the one shown."""
    timed = sample.can("time")
    where = [f"t = {at:.2f}" if timed else f"“{text.plain(at)}”" for at in sample.places]
    if not timed or not sample.classes:
        return settled(sample.study, sample.through.prediction[:, 0], where)
    place = leaves_at(net_joint_share(sample.along))
    if place is None:
        return (
            "At the end what the modalities say only jointly does not outweigh what they say alone."
        )
    return (
        f"What the modalities say only jointly outweighs what they say alone from **{where[place]}** on (the end "
        f"is {where[-1]})."
    )


def what_was_added(sample: Sample) -> str:
    """What the evolution made of the decision between t = 0 and T, or the layers of that which fused qubits hold
    already, as markdown."""
    start, end = (
        {term: float(values[place]) for term, values in sample.along.items()} for place in (0, -1)
    )
    by = "the evolution" if sample.can("time") else "the network after the fusion"
    return verdicts.added(start, end, by, MARKDOWN, sample.quantity)


# Five questions about a sample, each answered in a sentence, as markdown.


def _flips(sample: Sample) -> str:
    return f"{flip(sample.study, changes.what_would_flip(sample.study, sample.row))}."


def _when(sample: Sample) -> str:
    if not (sample.can("time") or sample.can("layers")):
        return "The model is read out at its end only: there is no way from features to the decision to follow."
    return since_when(sample.learned)


def _added(sample: Sample) -> str:
    if not (sample.can("time") or sample.can("layers")):
        return "Nothing: there are none."
    return what_was_added(sample.learned)


QUESTIONS: dict[str, Callable[[Sample], str]] = {
    "Which modality decided this?": decided,
    "Did the modalities conflict?": conflict,
    "What would flip it?": _flips,
    "When did it happen?": _when,
    "What did the dynamics add?": _added,
}
IN_TURN = sorted(QUESTIONS, key=lambda question: QUESTIONS[question] is _flips)  # the slow one last


# What each system is, in words and numbers, for the Overview page. Free of streamlit.

Part = tuple[
    str, str, str, str, dict[str, str]
]  # name, what it is, page, label of the link, what the link shows


def names_of(study: Study) -> str:
    """The modalities in a sentence."""
    return listed(list(map(text.plain, study.modalities)))


def sentence(study: Study) -> str:
    """What this model is, in two sentences."""
    title = f"**{text.plain(study.card.get('title') or study.name)}**"
    target = text.plain(study.dataset.target.name)
    model: Any = study.model
    if model.about:
        dims = " × ".join(str(d) for d in getattr(model, "dims", ()))
        return f"{title} {model.about.format(names=names_of(study), target=target, dims=dims)}"
    if study.can("time"):
        dims, jumps = " × ".join(str(d) for d in model.dims), model.jump_count
        return (
            f"{title} turns {names_of(study)} into quantum states ({dims} levels), lets them evolve together under a "
            f"learned Hamiltonian and {jumps} learned jump operator{'s' if jumps != 1 else ''}, and reads the {target} "
            "from the result. Because the read-out is linear, every decision splits exactly into what each modality "
            "says alone and what they say only jointly."
        )
    if not study.can("states"):
        return (
            f"{title} encodes {names_of(study)}, fuses them with a network of kind {text.plain(model.kind)}, and reads "
            f"the {target} from it. Its decisions are split by running it with some modalities of other samples: every "
            "combination, every row of the background."
        )
    what, many = ("class", "classes") if model.elements_are_classes else ("element", "elements")
    return (
        f"{title} lets {names_of(study)} each say how much speaks for each of {model.elements} {many}, "
        f"fuses what they say with one entangling gate per {what}, and reads the {target} through a quantum "
        f"convolutional network: {study.card.get('parameters', {}).get('fusion', 0):,} parameters after the encoders. "
        "Each fusion gate is a truth table one can read and edit, and every decision splits exactly into what each "
        "modality says alone and what they say only jointly."
    )


def features(study: Study) -> str:
    """How many numbers a sample has: a step for sequences, in all for vectors."""
    sizes_by_unit = {
        unit: [
            f"{text.plain(m.name)} {m.size}"
            for m in study.dataset.modalities
            if m.is_sequence == stepwise
        ]
        for unit, stepwise in (("numbers a step", True), ("numbers", False))
    }
    return "; ".join(f"{', '.join(names)} {unit}" for unit, names in sizes_by_unit.items() if names)


def pipeline(study: Study) -> tuple[Part, ...]:
    """The way from features to the decision; each part with the page that shows it."""
    model: Any = study.model
    start: Part = ("Features", features(study), "pages/samples.py", "See a sample", {})
    decided: tuple[str, str, dict[str, str]] = ("pages/samples.py", "See who decided", {})
    of_answer = "Log-odds" if study.classes else "Score"
    kets = f"one ket a modality, dimension {', '.join(map(str, getattr(model, 'dims', ())))}"
    if study.can("time"):
        return (
            start,
            ("States", kets, "pages/dynamics.py", "See the state", {"show": "State"}),
            (
                "Evolution",
                f"H and {model.jump_count} jump operators on {math.prod(model.dims)} levels, "
                f"T = {model.duration:g}",
                "pages/dynamics.py",
                "Turn the knobs",
                {"show": "Decision"},
            ),
            (
                "One step",
                "as a circuit with the learned values",
                "pages/circuit.py",
                "See the circuit",
                {},
            ),
            (of_answer, f"{read_out_words(model)}, linear read-out", *decided),
        )
    if not study.can("states"):
        encoders, fusion = "one for each modality", f"a {model.kind} network"
        if program := getattr(model, "program", None):
            encoders = "none: features are what is fused"
            fusion = f"{text.plain(program.file)}, a program of its own"
        return (
            start,
            ("Encoders", encoders, "pages/what_if.py", "Swap what one says", {}),
            ("Fusion", fusion, "pages/faithfulness.py", "See whether it can be trusted", {}),
            (of_answer, "a sum of exact contributions", *decided),
        )
    if not study.can("rules"):
        return (
            start,
            ("States", kets, "pages/what_if.py", "Change a state", {}),
            (
                "Read-out",
                "trained observables of the product state",
                "pages/operators.py",
                "See what votes",
                {},
            ),
            (of_answer, "a sum of exact contributions", *decided),
        )
    n, network, stages = model.elements, model.network, stage_sizes(len(study.modalities))
    conv, pool = (sum(step.kind == kind for step in network.steps) for kind in ("conv", "pool"))
    tables = (
        f"{n} truth tables of {2 ** stages[0]} angles"
        f"{f' in {len(stages)} stages' if len(stages) > 1 else ''}, one entangling gate per element"
    )
    read = f"linear read-out of {len(network.retained)} kept and {len(network.measured)} measured qubits"
    return (
        start,
        (
            "Angles",
            f"{n} angles a modality: its mass for each element",
            "pages/samples.py",
            "See the masses",
            {},
        ),
        ("Fusion", tables, "pages/circuit.py", "Edit the rules", {"rules": "Fusion rules"}),
        (
            "Network",
            f"{conv} convolutions (block {network.block}), {pool} poolings on {n} qubits",
            "pages/circuit.py",
            "Walk through it",
            {"rules": "Walk"},
        ),
        (of_answer, read, *decided),
    )


def read_out_words(model: Any) -> str:
    """How many vectors measure what."""
    read = model.measurement_vectors()
    s, vectors = next(iter(read.items()))
    if len(read) > 1:
        return f"{len(vectors)} measurement vectors on each modality"
    what = (
        "the joint state"
        if len(s) == len(model.dims)
        else f"{text.plain(model.modalities[s[0]])} alone"
    )
    return f"{len(vectors)} measurement vectors on {what}"


def model_rows(study: Study) -> dict[str, Any]:
    """The model card."""
    card, model = study.card, study.model
    parameters = card.get("parameters", {})
    rows: dict[str, Any] = {"checkpoint": study.name, "kind": card.get("model", model.kind)}
    if study.can("time"):
        rows |= {
            "state dimensions": " × ".join(str(d) for d in model.dims),
            "jump operators": model.jump_count,
            "measurement vectors": read_out_words(model),
            "duration T": f"{model.duration:g}",
        }
    elif study.can("kets"):
        rows |= {"state dimensions": " × ".join(str(d) for d in model.dims)}
    elif study.can("rules"):
        network = model.network
        rows |= {
            "elements": f"{model.elements}{' (the classes)' if model.elements_are_classes else ' (learned)'}",
            "fusion rule": ("frozen at " if model.settings.get("freeze_rule") else "started at ")
            + str(model.settings.get("rule"))
            + (", one rotation per modality" if model.settings.get("tables") == "separate" else ""),
            "convolution block": f"{network.block} ({BLOCKS[network.block].parameters} parameters)",
            "qubits": model.elements
            * (len(study.modalities) + len(stage_sizes(len(study.modalities)))),
            "operations": f"{model.elements} fusion gates, {len(network.steps)} steps of the network",
        }
    return rows | {
        "parameters": f"{parameters.get('total', 0):,}",
        "of them after the encoders": f"{parameters.get('fusion', 0):,}",
        "weights": str(card.get("weights_sha256", ""))[:12],
    }


def of_seed(study: Study) -> str:
    """What follows the name of a test metric of the loaded weights, to tell it from the mean over the training seeds;
    nothing where there is one seed."""
    return ", this seed" if len(study.card.get("seeds", [])) > 1 else ""
