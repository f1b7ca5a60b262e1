"""The report on one sample: its decision, contributions, dynamics and what if, the methods, and how far to trust
all of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from qfusion._sentences import listed
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.data.modality import Audio, Image, Series, Text
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.explain import cuts as cut_answers
from qfusion.explain import faithfulness, verdicts
from qfusion.explain.building import answer as building_answer
from qfusion.explain.coalitions import Explanation
from qfusion.explain.cuts import cuts
from qfusion.explain.evidence import INERT
from qfusion.explain.faithfulness import TrustWarning
from qfusion.explain.stability import Stability
from qfusion.figures import building, notebook, numbers
from qfusion.figures import decision as evidence
from qfusion.figures.style import term_colour
from qfusion.models import Ability
from qfusion.quantum.measures import KINDS
from qfusion.report.blocks import (
    FULL,
    HALF,
    Block,
    Document,
    Equation,
    Facts,
    Heading,
    Listing,
    Points,
    Quote,
    Strong,
    Table,
    cite,
    figure,
    number,
    paragraph,
    picture,
    power,
    signed,
)
from qfusion.training import metrics
from qfusion.training.checkpoint import training_split

# test samples for the curves, by whether states are kets: rows of networks cost more
MAX_SAMPLES = {True: 600, False: 60}
TRUST_KINDS = {"warning": "Beware", "fine": "Looked at", "unknown": "Not known"}


def trust_section(sample: Sample, one: bool = True) -> Iterator[Block]:
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
    deletion = faithfulness.of_deletion(curves, "modalities")
    deletion += [faithfulness.no_truth()] if truth is None else faithfulness.of_truth(truth)
    deletion += (
        faithfulness.of_stability(
            seeds, _errors(sample), "score of the true class" if sample.classes else sample.unit
        )
        if seeds
        else []
    )
    deletion += faithfulness.of_joint(explanation, outputs)
    deletion += [] if seeds else [TrustWarning(why, "unknown")]
    order = list(TRUST_KINDS)
    yield Points(
        tuple(
            (Strong(f"{TRUST_KINDS[one.kind]}: "), one.sentence)
            for one in sorted(deletion, key=lambda one: order.index(one.kind))
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


# How the numbers of a report were worked out, with this model's own settings, and what they were made with.

PACKAGES = ("torch", "numpy", "qutip", "pennylane", "typst", "matplotlib")
READING = "Only the paper's abstract is public to us: what follows is our reading of it."


def facts(sample: Sample) -> Facts:
    """Returns what a report is about: model, data, sample, decision, digests and versions."""
    card, data = sample.study.card, sample.dataset
    rows = [
        ("Model", f"{sample.name}: {card.get('title', '')} ({card['model']})"),
        ("Data", f"{data.name}: {data.title}"),
        ("Sample", f"{sample.id}, of the {data.split[sample.row]} split"),
        ("Decision", verdicts.verdict_sentence(sample.scores, sample.classes)),
        ("Explained", f"{sample.unit}: {number(sample.score)}"),
        ("Annotation", str(sample.truth) if sample.classes else number(float(sample.truth))),
        ("Compared with", verdicts.behind(sample.background)),
        ("Changed in the model", sample.changed or "nothing, it is as trained"),
        *common(sample.study.card),
        ("Digest of the data", data.digest),
        ("Digest of the background", sample.background.key),
    ]
    return Facts(tuple(rows), "What this report is about, and what it was made with.")


def common(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns what reports on one model have in common: its size, seeds and digest, and the versions at hand."""
    from qfusion import __version__

    sizes, seeds = card.get("parameters", {}), card.get("seeds", [])
    made = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    counted = "not recorded"
    if sizes:
        counted = f"{sizes['total']:,} ({sizes['encoders']:,} in the encoders, {sizes['fusion']:,} behind them)"
    return [
        ("Parameters", counted),
        (
            "Training seeds",
            f"{', '.join(map(str, seeds))}; this model is of seed {card.get('seed')}",
        ),
        ("Made with", f"qfusion {__version__}, {made}"),
        ("Digest of the weights", str(card["weights_sha256"])),
    ]


def performance(card: Mapping[str, Any]) -> Table | None:
    """Returns the test metrics of a model over its training seeds; None where the card has none."""
    measured, own = card["metrics"].get("test", {}), card.get("this_seed", {}).get("test", {})
    known = metrics.labels(measured)
    rows = tuple(
        (
            known[name].short if name in known else name,
            number(result["mean"]),
            number(result["std"]),
            number(own.get(name)),
        )
        for name, result in measured.items()
        if isinstance(result, dict) and "mean" in result
    )
    size = card["data"].get("sizes", {}).get("test")
    on = f"the {size:,} test samples" if size else "the test samples"
    count = len(card.get("seeds", [])) or 1
    return (
        Table(
            ("Metric", "Mean", "Standard deviation", "This model"),
            rows,
            f"How good the model is on {on}: mean and standard deviation over {count} training seeds, not the "
            "best of them.",
        )
        if rows
        else None
    )


def methods_section(sample: Sample) -> Iterator[Block]:
    """The methods, with equations and sources."""
    yield Heading("Methods")
    yield from next((made(sample) for ability, made in _OF.items() if sample.can(ability)), ())
    yield from contributions(sample)
    if (table := performance(sample.study.card)) is not None:
        yield Heading("How good the model is", 2)
        yield table
    if sample.study.card.get("notes"):
        yield paragraph(f"On how it was trained, its card says: {sample.study.card['notes']}")
    yield paragraph(
        "Colours are those of Okabe and Ito ",
        cite("okabeito2008"),
        ", one hue a modality.",
        *(
            (" The data are CMU-MOSI ", cite("mosi2016"), ".")
            if sample.dataset.name == "mosi"
            else ()
        ),
    )


def _of_jump(sample: Sample) -> Iterator[Block]:
    model, settings = sample.model, sample.study.card["settings"]
    D, count = _product(model.dims), model.jump_count
    dims = listed(
        [f"{d} for {name}" for name, d in zip(sample.modalities, model.dims, strict=True)]
    )
    yield Heading("The system", 2)
    yield paragraph(
        "The model follows QiNN-QJ ",
        cite("qinnqj2025"),
        f". {READING} An encoder for each modality gives a complex vector, which becomes a quantum state; "
        f"the dimensions are {dims}, so the joint state has D = {D}.",
    )
    yield Equation("states")
    what = {
        "jump": f"with a learned Hamiltonian H and K = {count} learned jump operators",
        "unitary": "with a learned Hamiltonian H and no jumps",
        "none": "which here does nothing (ablation)",
        "dissipative": f"with K = {count} learned jump operators and no Hamiltonian",
    }
    yield paragraph(
        "The state evolves by the master equation ",
        cite("lindblad1976", "gks1976"),
        f" {what[settings['evolution']]}, shared by all samples, for T = {model.duration:g} (ħ = 1; times "
        "and energies are plain numbers).",
    )
    yield Equation("master")
    outputs = len(sample.explanation.outputs)
    what = {
        "joint": "of the joint state",
        "single": f"of the state of {settings.get('read') or sample.modalities[0]}, into which all else must flow",
        "local": "of the state of each modality, so that at t = 0 the score is a sum over modalities and every "
        "joint contribution is made by the evolution",
    }
    yield paragraph(
        f"The score{'s are' if outputs > 1 else ' is'} read with J = {settings['measurements']} trained unit vectors "
        f"{what[settings['readout']]}. Equivalently the observable evolves, which serves all samples at once; the "
        "exponential is expanded in Chebyshev polynomials ",
        cite("talezer1984"),
        ".",
    )
    yield Equation("observable")
    yield Equation("adjoint")
    yield paragraph(
        "Entropies, logarithmic negativity ",
        cite("vidal2002"),
        " and mutual information are those of the reduced states, in nats (negativity in bits):",
    )
    yield Equation("entropy")


def _of_network(sample: Sample) -> Iterator[Block]:
    model, settings = sample.model, sample.study.card["settings"]
    n, M, C = model.elements, len(sample.modalities), len(sample.explanation.outputs)
    yield Heading("The system", 2)
    meaning = "one for each class" if model.elements_are_classes else "learned"
    yield paragraph(
        "The model follows feature-entanglement fusion with a quantum convolutional network ",
        cite("fusionqcnn2026"),
        f". {READING} An encoder for each of the M = {M} modalities gives an "
        f"angle for each of n = {n} elements ({meaning}); it turns a qubit "
        "that reads 1 with the mass that this modality gives the element.",
    )
    yield Equation("masses")
    chain = "" if M <= 3 else f" More than three modalities are fused in a chain of {M - 1} stages."
    yield paragraph(
        "A fresh qubit for each element is turned by an angle that depends on what its modality qubits read, "
        f"2^{min(M, 3)} learned angles an element; these qubits are then left out.{chain}"
    )
    yield Equation("fusion")
    layers = len([name for name in sample.places if name.endswith("pooled")])
    yield paragraph(
        "A quantum convolutional network ",
        cite("cong2019", "hur2022"),
        f" of {layers} layers with block "
        f"{settings['block']} convolves and pools the {n} fused qubits; a linear head reads the joint "
        f"probabilities of the qubits that stay and ⟨Z⟩ of every measured one. The {C} scores are "
        "therefore fixed polynomials of the fused qubits:",
    )
    yield Equation("network")
    yield paragraph(
        f"The entropy of a fused qubit is its entanglement with the qubits it was fused from. {INERT}"
    )
    yield Equation("qubit_entropy")
    if model.elements_are_classes:
        yield paragraph(
            "How much the modalities contradict each other is told by Dempster's K ",
            cite("shafer1976"),
            ":",
        )
        yield Equation("conflict")


def _of_kets(sample: Sample) -> Iterator[Block]:
    dims = listed(
        [
            f"{d} levels for {name}"
            for name, d in zip(sample.modalities, sample.model.dims, strict=True)
        ]
    )
    yield Heading("The system", 2)
    yield paragraph(
        f"An encoder for each modality gives a complex vector, which becomes a quantum state of {dims}. "
        "The scores are expectations of trained observables of their product; nothing evolves."
    )


_OF: dict[Ability, Callable[[Sample], Iterator[Block]]] = {
    "time": _of_jump,
    "layers": _of_network,
    "kets": _of_kets,
}


def contributions(sample: Sample) -> Iterator[Block]:
    """How the decision was split."""
    behind, size = sample.background, f"{sample.background.size:,}"
    split = training_split(sample.study.card).replace("+", " and ")
    yield Heading("Splitting the decision", 2)
    yield paragraph(
        "A score is linear in the state of each modality. What the model says when it is told only the modalities in S "
        "is therefore exact, with no sampling"
        if sample.can("states")
        else "What the model says when it is told only the modalities in S is found by running it, with the others "
        "taken from each row of the background",
        " (interventional values ",
        cite("janzing2020"),
        "); here, what is not told is "
        f"averaged over {verdicts.behind(behind)}"
        + (f" (rows of {split})." if behind.kind in ("joint", "product") else "."),
    )
    if sample.can("kets"):
        yield Equation("value_state")
        yield from _sigma(sample, size)
    elif behind.kind in ("joint", "cohort", "contrast"):
        yield Equation("value_rows")
        yield paragraph(f"with N = {size}.")
    yield paragraph(
        "What a combination adds beyond its parts is its Harsanyi dividend ",
        cite("harsanyi1963"),
        ", the one of the empty set being the baseline:",
    )
    yield Equation("dividend")
    yield paragraph(
        "Shapley values ",
        cite("shapley1953"),
        " share each dividend evenly among its members; shares are those of MM-SHAP ",
        cite("parcalabescu2023"),
        ", interaction indices those of Grabisch and Roubens ",
        cite("grabisch1999"),
        ".",
    )
    yield Equation("shapley")


def _sigma(sample: Sample, size: str) -> Iterator[Block]:
    kind = sample.background.kind
    if kind in ("joint", "cohort", "contrast"):
        yield paragraph(f"Here σ is the mean state of the background, N = {size}:")
        yield Equation("background_joint")
    else:
        yield paragraph(
            {
                "product": f"Here σ is the product of the modalities' mean states over N = {size} samples, which "
                "breaks their correlation.",
                "mixed": "Here σ is the maximally mixed state: nothing is known.",
                "zero": "Here σ is the reference state of every modality.",
            }[kind]
        )


def _product(dims: tuple[int, ...]) -> int:
    total = 1
    for size in dims:
        total *= size
    return total


# The report on one sample: what was decided, what is behind it, how far to trust it, how it was worked out.

ENTROPY_IS = "Entropy and entanglement are correlation, not attribution: they do not say which modality decided."
HIDDEN = ("text", "transcript")  # columns of the data's table that the content shows already
MAX_CURVE = 4000  # points of a waveform that is drawn


def document(sample: Sample) -> Document:
    """Returns the report on a sample."""
    parts: list[Block] = []
    for section in (
        _summary,
        _content,
        _contributions,
        _dynamics,
        _built,
        _cuts,
        _entropies,
        _circuit,
    ):
        parts += section(sample)
    parts += [*trust_section(sample), *methods_section(sample), *_again(sample)]
    decision = verdicts.verdict_sentence(sample.scores, sample.classes)
    return Document(
        f"Sample {sample.id}: why {sample.name} says {decision}",
        f"{sample.study.card.get('title', sample.name)}; data: {sample.dataset.title}",
        f"Report on the decision of model {sample.name} on sample {sample.id} of data set "
        f"{sample.dataset.name}.",
        tuple(parts),
    )


def _summary(sample: Sample) -> Iterator[Block]:
    """What was decided, in sentences and as a table."""
    when: tuple[tuple[Strong, str], ...] = ()
    if _on_the_way(sample):
        places = (
            [f"t = {t:.2f}" for t in sample.places]
            if sample.can("time")
            else [f"“{place}”" for place in sample.places]
        )
        decisions = [
            verdicts.verdict_sentence(scores, sample.classes)
            for scores in sample.through.prediction[:, 0]
        ]
        when = ((Strong("Since when? "), verdicts.settled(decisions, places)),)
    yield Heading("In short")
    yield paragraph(_decision(sample))
    decided = f"{verdicts.decided(sample.verdict)} {verdicts.largest_part(sample.dividends)}."
    yield Points(
        (
            (Strong("Which modality decided this? "), decided),
            (Strong("Did the modalities conflict? "), verdicts.conflict(sample.verdict)),
            *when,
        )
    )
    yield paragraph(
        f"All contributions are exact; they compare with {verdicts.behind(sample.background)}."
    )
    if sample.changed:
        yield paragraph(
            f"The model is not as it was trained: {sample.changed}. Test metrics and spread over seeds are those of "
            "the trained one."
        )
    yield facts(sample)


def _on_the_way(sample: Sample) -> bool:
    """Whether the model can be read out before its end."""
    return sample.can("time") or sample.can("layers")


def _decision(sample: Sample) -> str:
    truth = f"‘{sample.truth}’" if sample.classes else signed(float(sample.truth))
    if sample.classes:
        sure = numbers.verdict(sample)["probability"].to_numpy()
        best = int(np.argmax(sure))
        right = (
            "which is what it was annotated with"
            if sample.classes[best] == sample.truth
            else f"it was annotated as {truth}"
        )
        return (
            f"The model decides for ‘{sample.classes[best]}’ ({text.softmax(sure[best])}); {right}. "
            f"{sample.study.calibration}"
        )
    return (
        f"The model predicts {signed(sample.score)} "
        f"({verdicts.verdict_sentence(sample.scores, sample.classes)}); the annotation "
        f"is {truth}, so the error is {number(abs(sample.score - float(sample.truth)))}."
    )


def _content(sample: Sample) -> Iterator[Block]:
    """What the sample is, as far as the data set has it."""
    yield Heading("The sample")
    content = sample.dataset.content(sample.row)
    for name in sample.modalities:
        piece = content.get(name)
        if isinstance(piece, Text):
            yield Quote(piece.text, f"{name} of the sample, as it stands in the data")
        elif isinstance(piece, Image):
            yield picture(piece.pixels, f"{name} of the sample.", f"Picture: {name} of the sample")
        elif isinstance(piece, Audio):
            step = max(1, len(piece.samples) // MAX_CURVE)
            seconds = np.arange(len(piece.samples))[::step] / piece.rate
            drawn = evidence.curve(
                np.asarray(piece.samples)[::step],
                seconds,
                "time (s)",
                "amplitude",
                term_colour(name, sample.modalities),
            )
            yield figure(
                drawn,
                f"{name} of the sample: {len(piece.samples) / piece.rate:.2f} s at {piece.rate:,} samples a "
                "second.",
                f"Waveform: {name} of the sample",
                HALF,
                34,
            )
        elif isinstance(piece, Series):
            drawn = evidence.curve(
                piece.values,
                piece.x,
                piece.x_label,
                piece.y_label,
                term_colour(name, sample.modalities),
            )
            yield figure(
                drawn,
                f"{name} of the sample: {piece.y_label} over {piece.x_label}.",
                f"Curve: {name} of the sample, {len(piece.values)} values",
                HALF,
                34,
            )
    absent = [name for name in sample.modalities if name not in content]
    if absent:
        yield paragraph(
            f"No raw content of {listed(absent)} comes with this data set, only features."
        )
    table = sample.dataset.table.iloc[sample.row]
    message = {
        str(name): value
        for name, value in table.items()
        if name not in (*HIDDEN, sample.dataset.target.name)
    }
    if message:
        rows = tuple(
            (text.column(name), number(value) if isinstance(value, float) else str(value)[:300])
            for name, value in message.items()
        )
        yield Facts(rows, "What the data set says of the sample.")


def _contributions(sample: Sample) -> Iterator[Block]:
    """What every modality and every combination added."""
    against = f"Compared with {verdicts.behind(sample.background)}."
    yield Heading("What each modality contributed")
    terms = ", ".join(
        f"{term or 'baseline'} {value:+.2f}" for term, value in sample.dividends.items()
    )
    yield figure(
        notebook.contributions(sample),
        f"From the baseline to the {sample.unit}, term by term; hatched bars are what modalities say only "
        f"together. {against}",
        f"Waterfall: {terms}; score {sample.score:+.2f}.",
    )
    shapley = ", ".join(
        f"{name} {value:+.2f} ({sample.shares[name]:.0%})" for name, value in sample.shapley.items()
    )
    yield figure(
        notebook.shapley(sample),
        "Shapley values: each modality's own term and an equal part of every joint term it takes part "
        f"in; in brackets its share of the absolute total. {against}",
        f"Shapley values: {shapley}.",
        HALF,
    )
    yield _terms(sample)
    yield _pairs(sample)


def _terms(sample: Sample) -> Table:
    explanation, truth = sample.explanation, sample.dataset.truth
    known = truth is not None and sample.dataset.names == sample.modalities
    values = dict(
        zip(explanation.coalitions, explanation.values[0, :, sample.output].tolist(), strict=True)
    )
    rows = []
    for term, dividend in sample.dividends.items():
        true = (
            [signed(float(truth.iloc[sample.row].get(term, np.nan)))]
            if known and truth is not None
            else []
        )
        rows.append(
            (
                term.replace("+", " + ") or "nothing (baseline)",
                signed(values[term]),
                signed(dividend),
                *true,
            )
        )
    return Table(
        ("Told only", "Score v(S)", "Contribution Δ(S)", *(["True contribution"] if known else [])),
        tuple(rows),
        "What the model says when it is told only some modalities, and what each combination adds beyond its "
        "parts. The contributions add up to the score.",
    )


def _pairs(sample: Sample) -> Table:
    result = sample.explanation.interaction[0, :, :, sample.output]
    rows = tuple(
        (
            name,
            signed(sample.shapley[name]),
            f"{sample.shares[name]:.1%}",
            *("" if a == b else signed(result[a, b]) for b in range(len(sample.modalities))),
        )
        for a, name in enumerate(sample.modalities)
    )
    return Table(
        ("Modality", "Shapley value", "Share", *(f"with {name}" for name in sample.modalities)),
        rows,
        "Shapley values, shares and Shapley interaction indices: what two modalities add together, averaged "
        "over what else is known.",
    )


def _dynamics(sample: Sample) -> Iterator[Block]:
    """When it happened: terms and entropies through the evolution, or along the layers."""
    if not _on_the_way(sample):
        return
    table = numbers.over_time(sample)
    where = "through the evolution" if sample.can("time") else "along the layers of the network"
    yield Heading("When it was decided")
    last = ", ".join(
        f"{name} {values[-1]:+.2f}"
        for name, values in notebook.columns(table, "dividend").items()
        if name
    )
    yield figure(
        notebook.over_time(sample),
        f"Entropies (above) and terms of the decision (below) {where}, as if the system were read out there. "
        f"Compared with {verdicts.behind(sample.background)}.",
        f"Lines {where}; terms at the end: {last}.",
    )
    yield paragraph("Both can move together without one causing the other. ", ENTROPY_IS)


def _built(sample: Sample) -> Iterator[Block]:
    """Which coupling and dissipation built which contribution."""
    if not sample.can("time"):
        return
    yield Heading("Which coupling built which term?")
    try:
        words = building_answer(numbers.building_of(sample))
    except InvalidInput as error:  # evolved for too long to be resolved
        yield paragraph(str(error))
        return
    yield paragraph(
        f"{words}. All terms of the dynamics are turned up from nothing together, and what each does is added up on "
        "that way (Aumann and Shapley 1974), so that a row of the matrix leads from the contribution without evolution "
        "to the one that was explained."
    )
    for draw, name in ((notebook.built, "built"), (notebook.built_flow, "built-flow")):
        yield figure(
            draw(sample),
            f"What the figure shows: {building.SAYS[name][0]} It does not show {building.SAYS[name][1]}",
            f"{words}.",
        )


def _cuts(sample: Sample) -> Iterator[Block]:
    """Whether the score needs the correlations of each modality, and when."""
    if not sample.can("time") or len(sample.modalities) < 2:
        return
    result = cuts(sample.model, sample.inputs)
    answer = cut_answers.answer(result, sample.output)
    yield Heading("Are the correlations needed?")
    yield paragraph(f"{answer}.")
    yield figure(
        notebook.cut(sample),
        f"What the figure shows: {building.SAYS['cut'][0]} It does not show {building.SAYS['cut'][1]}",
        f"{answer}.",
    )


def _entropies(sample: Sample) -> Iterator[Block]:
    if sample.can("time"):
        yield from _of_states(sample)
    elif sample.can("rules"):
        yield from _of_fusion(sample)


def _of_states(sample: Sample) -> Iterator[Block]:
    """Entropies and entanglement at T."""
    tracked = numbers.track(sample)
    measures = {
        (measure.kind, measure.part): float(measure.values[-1]) for measure in tracked.measures
    }
    apart = float(np.abs(tracked.rho[-1] - numbers.state(sample)).max())
    yield Heading("Entropies and entanglement at the end")
    kinds = [
        kind for kind in KINDS if any(entry == kind and len(part) == 1 for entry, part in measures)
    ]
    parts = [(name, (name,)) for name in sample.modalities] + [("all together", ())]
    rows = [
        (
            name,
            *(number(measures[kind, part]) if (kind, part) in measures else "" for kind in kinds),
        )
        for name, part in parts
    ]
    words = {"negativity": f"Negativity with the rest ({KINDS['negativity'].unit})"}
    yield Table(
        ("Part", *(words.get(kind, KINDS[kind].short_axis.capitalize()) for kind in kinds)),
        tuple(rows),
        f"States at T = {sample.model.duration:g}. The whole starts pure, with entropy 0; what it has at the "
        "end is lost to the jumps.",
    )
    shared = [
        (" and ".join(part), number(value))
        for (kind, part), value in measures.items()
        if kind == "mutual_information"
    ]
    if shared:
        yield Table(
            ("Pair", KINDS["mutual_information"].axis.capitalize()),
            tuple(shared),
            "Correlation of every two modalities at T, classical and quantum.",
        )
    yield paragraph(
        ENTROPY_IS,
        " QuTiP followed the state independently of the training code; the two agree on ρ(T) to "
        f"{power(apart)} ",
        "in every entry ",
        cite("qutip5"),
        ".",
    )


def _of_fusion(sample: Sample) -> Iterator[Block]:
    """What the fusion read: masses, rules, beliefs, entropies."""
    reading = numbers.reading(sample)
    yield Heading("What the fusion read")
    fused = ", ".join(f"{e} {v:.2f}" for e, v in zip(reading.elements, reading.fused, strict=True))
    yield figure(
        notebook.masses(sample),
        "The mass that each modality gives each element (sin² θ/2, the chance that its qubit reads 1), "
        "and the fused one."
        + (
            ""
            if reading.elements_are_classes
            else " Elements are learned here; they have no names."
        ),
        f"Heat map of masses; fused: {fused}.",
    )
    entropy = ", ".join(
        f"{e} {v:.2f}" for e, v in zip(reading.elements, reading.entropy, strict=True)
    )
    yield figure(
        notebook.entropies(sample),
        "Von Neumann entropy of each fused qubit, at most ln 2: its entanglement with the qubits "
        f"it was fused from, as these are together in a pure state. {INERT}",
        f"Entropies in nats: {entropy}.",
        HALF,
    )
    table = numbers.masses(sample)
    rows = tuple(
        (
            str(row["element"]),
            *(number(row[f"mass[{name}]"]) for name in sample.modalities),
            number(row["mass"]),
            str(row["rule"]),
            number(row["disagreement"]),
            number(row["entropy"]),
        )
        for _, row in table.iterrows()
    )
    names = tuple(f"Mass {name}" for name in sample.modalities)
    yield Table(
        ("Element", *names, "Fused", "Nearest rule", "Disagreement", "Entropy (nats)"),
        rows,
        "The fusion, element by element: masses, the named rule nearest to the learned table, and the mass on "
        "the modalities contradicting each other.",
        (len(names) + 2,),
    )
    if reading.conflict is not None:
        yield paragraph(contradiction(reading.conflict), " ", cite("shafer1976"), ". ", ENTROPY_IS)


def contradiction(K: float) -> str:
    """How far the modalities' masses contradict each other; Dempster's K, NaN where a modality supports no class."""
    if not np.isfinite(K):
        return "A modality supports no class at all, so that Dempster's K is not defined"
    if round(K, 3) <= 0:
        return f"The masses hardly contradict each other: Dempster's K is {'0.000' if K <= 0 else 'less than 0.001'}"
    return f"The masses contradict each other with Dempster's K = {K:.3f}"


def _circuit(sample: Sample) -> Iterator[Block]:
    """The circuit, with the sample in it."""
    if not sample.can("circuit"):
        return
    yield Heading("The circuit")
    if sample.can("time") and any(d & (d - 1) for d in sample.model.dims):
        yield paragraph(
            "None is drawn: qubits hold modalities whose dimensions are powers of two, and these are ",
            listed([str(d) for d in sample.model.dims]),
            ".",
        )
        return
    replay, built = numbers.circuit(sample)
    about = f"{len(replay.wires)} qubits, {replay.count} gates"
    if sample.can("time"):
        caption = (
            f"One step of the evolution (dt = {built.dt:g}, {built.dt / sample.model.duration:.3g} T) as a quantum "
            f"circuit, with the sample's own states prepared: {about}. {built.error.sentence}"
        )
    elif sample.can("gates"):
        caption = f"The model's circuit of this sample: {about}. {replay.says}"
    else:
        caption = (
            f"The whole network with the sample's angles: {about}. Modality qubits are left out after the fusion; a "
            "measured qubit controls a rotation of its neighbour."
        )
    yield figure(
        notebook.diagram(sample),
        caption
        + " A disc is a qubit at the end: its needle is (⟨X⟩, ⟨Z⟩) with |0⟩ up, its colour ⟨Y⟩; a "
        "needle that ends inside is a mixed state.",
        f"Circuit of {about}.",
        FULL,
    )
    yield paragraph("Drawn from the list of gates that PennyLane runs ", cite("pennylane"), ".")


def _again(sample: Sample) -> Iterator[Block]:
    """How to get the same numbers."""
    yield Heading("The same again")
    yield paragraph(
        "These commands write this report and print its contributions; the digests in the table above tell whether "
        "model and data are the same."
    )
    commands = [
        [
            *_command(sample, "report"),
            *(["--tweak", sample.changed] if sample.changed else []),
            "--out",
            "report.html",
        ]
    ]
    commands += [] if sample.changed else [[*_command(sample, "explain"), "--json"]]
    yield Listing("\n".join(map(shlex.join, commands)), "Commands")


def _command(sample: Sample, name: str) -> list[str]:
    kind, outputs = sample.background.kind, sample.explanation.outputs
    words = [
        "python",
        "-m",
        "qfusion",
        name,
        "--model",
        sample.name,
        "--data",
        sample.dataset.name,
        "--sample",
        sample.id,
    ]
    words += ["--output", outputs[sample.output]] if len(outputs) > 1 else []
    if kind == "contrast":
        return [*words, "--contrast", sample.background.label]
    return words if kind in ("joint", "cohort") else [*words, "--background", kind]
