"""The report on one sample: its decision, contributions, dynamics and what if, the methods, and how far to trust
all of it.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from qfusion import __version__
from qfusion._sentences import listed
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.data.modality import Audio, Image, Series, Text
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.explain import cuts, faithfulness, verdicts
from qfusion.explain.building import answer as building_answer
from qfusion.explain.coalitions import Explanation
from qfusion.explain.evidence import INERT
from qfusion.explain.stability import Stability
from qfusion.figures import building, decision as evidence, notebook, numbers
from qfusion.figures.style import term_colour
from qfusion.models import Ability
from qfusion.quantum.measures import KINDS
from qfusion.report.blocks import (
    FULL,
    HALF,
    Block,
    Report,
    cite,
    equation,
    facts,
    figure,
    heading,
    listing,
    number,
    paragraph,
    picture,
    points,
    power,
    quote,
    signed,
    strong,
    table,
)
from qfusion.training import metrics
from qfusion.training.checkpoint import training_split

# test samples for the curves, by whether states are kets: rows of networks cost more
MAX_SAMPLES = {True: 600, False: 60}
TRUST_KINDS = {"warning": "Beware", "fine": "Looked at", "unknown": "Not known"}


def trust_section(sample: Sample, one: bool = True) -> list[Block]:
    """Cautions in words, deletion curves, planted truth, training seeds; of one sample its own terms over the seeds."""
    explanation, rows, outputs = numbers.test_rows(sample, MAX_SAMPLES[sample.can("kets")])
    curves = faithfulness.modality_curves(explanation, outputs)
    truth = _truth(sample, explanation, rows)
    seeds, why = _seeds(sample)
    warnings = faithfulness.of_deletion(curves, "modalities")
    warnings += [faithfulness.no_truth()] if truth is None else faithfulness.of_truth(truth)
    if seeds:
        errors = sample.study.errors[sample.dataset.rows("test")]
        unit = "score of the true class" if sample.classes else sample.unit
        warnings += faithfulness.of_stability(seeds, errors, unit)
    warnings += faithfulness.of_joint(explanation, outputs)
    warnings += [] if seeds else [faithfulness.TrustWarning(why, "unknown")]
    order = list(TRUST_KINDS)
    return [
        heading("How far to trust this"),
        paragraph(
            "Contributions are exact for this model and background; what can be wrong is what a reader makes of them. "
            f"Measured for this model, on {len(rows):,} test samples unless said otherwise:"
        ),
        points(
            *(
                (strong(f"{TRUST_KINDS[warning.kind]}: "), warning.sentence)
                for warning in sorted(warnings, key=lambda warning: order.index(warning.kind))
            )
        ),
        _deletion(curves),
        paragraph(
            "Deletion and insertion after ",
            cite("samek2017", "petsiuk2018"),
            ", over B samples; ℳ are all modalities, m₁ is the one with the largest |Shapley value|. What is "
            "taken away is averaged over the background, so the curves are read off the exact values:",
        ),
        equation("curves"),
        *(_over_seeds(sample, seeds, one) if seeds else ()),
        *(() if truth is None else (_against_truth(truth, len(rows)),)),
    ]


def _against_truth(truth: faithfulness.AgainstTruth, count: int) -> Block:
    return table(
        ("Term", "Correlation", "Rank correlation"),
        [
            (term.replace("+", " + "), number(a), number(b))
            for term, a, b in zip(truth.terms, truth.pearson, truth.rank, strict=True)
        ],
        f"Exact against planted contributions, over {count:,} test samples.",
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


def _over_seeds(sample: Sample, seeds: Stability, one: bool) -> list[Block]:
    section = []
    if one and sample.row in sample.dataset.rows("test"):
        what = "the true class's score" if sample.classes else f"the {sample.unit}"
        spread = ", ".join(
            f"{term} {values.min():+.2f} to {values.max():+.2f}"
            for term, values in numbers.stability(sample).items()
        )
        section.append(
            figure(
                notebook.stability(sample),
                f"This sample's terms of {what} by models from {len(seeds.seeds)} training seeds, against "
                f"the {seeds.background_size:,} training samples; the filled dot is the shipped "
                "model.",
                f"Terms over seeds: {spread}.",
                HALF,
            )
        )
    return [
        *section,
        table(
            ("Term", "Mean rank correlation", "Lowest pair"),
            [
                (term.replace("+", " + "), number(mean), number(low))
                for term, (mean, low) in seeds.rank_correlations().items()
            ],
            f"Do {len(seeds.seeds)} training seeds order {seeds.dividends.shape[1]:,} test samples alike? Between "
            "all pairs of seeds.",
        ),
    ]


def _truth(
    sample: Sample, explanation: Explanation, rows: np.ndarray
) -> faithfulness.AgainstTruth | None:
    if sample.dataset.truth is None or sample.classes or sample.dataset.names != sample.modalities:
        return None
    return faithfulness.against_truth(explanation, sample.dataset.truth.iloc[rows])


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


# How the numbers of a report were worked out, with this model's own settings, and what they were made with.

PACKAGES = ("torch", "numpy", "qutip", "pennylane", "typst", "matplotlib")
READING = "Only the paper's abstract is public to us: what follows is our reading of it."


def about(sample: Sample, rows: list[tuple[str, str]]) -> Block:
    """Returns what a report is about: model and data, `rows` of its own, and what all reports on a model share: its
    size, seeds and digests, and the versions at hand."""
    card, data = sample.study.card, sample.dataset
    sizes, seeds = card.get("parameters", {}), card.get("seeds", [])
    made = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return facts(
        [
            ("Model", f"{sample.name}: {card.get('title', '')} ({card['model']})"),
            ("Data", f"{data.name}: {data.title}"),
            *rows,
            (
                "Parameters",
                f"{sizes['total']:,} ({sizes['encoders']:,} in the encoders, {sizes['fusion']:,} behind them)"
                if sizes
                else "not recorded",
            ),
            (
                "Training seeds",
                f"{', '.join(map(str, seeds))}; this model is of seed {card.get('seed')}",
            ),
            ("Made with", f"qfusion {__version__}, {made}"),
            ("Digest of the weights", str(card["weights_sha256"])),
            ("Digest of the data", data.digest),
            ("Digest of the background", sample.background.key),
        ],
        "What this report is about, and what it was made with.",
    )


def methods_section(sample: Sample) -> list[Block]:
    """The methods, with equations and sources."""
    notes = sample.study.card.get("notes")
    mosi = (" The data are CMU-MOSI ", cite("mosi2016"), ".")
    return [
        heading("Methods"),
        *next((made(sample) for ability, made in _OF.items() if sample.can(ability)), ()),
        *_splitting(sample),
        *_performance(sample.study.card),
        *([paragraph(f"On how it was trained, its card says: {notes}")] if notes else []),
        paragraph(
            "Colours are those of Okabe and Ito ",
            cite("okabeito2008"),
            ", one hue a modality.",
            *(mosi if sample.dataset.name == "mosi" else ()),
        ),
    ]


def _performance(card: Mapping[str, Any]) -> list[Block]:
    """The test metrics of a model over its training seeds; nothing where the card has none."""
    measured, own = card["metrics"].get("test", {}), card.get("this_seed", {}).get("test", {})
    known = metrics.labels(measured)
    rows = [
        (
            known[name].short if name in known else name,
            number(values["mean"]),
            number(values["std"]),
            number(own.get(name)),
        )
        for name, values in measured.items()
        if isinstance(values, dict) and "mean" in values
    ]
    if not rows:
        return []
    size = card["data"].get("sizes", {}).get("test")
    on = f"the {size:,} test samples" if size else "the test samples"
    count = len(card.get("seeds", [])) or 1
    return [
        heading("How good the model is", 2),
        table(
            ("Metric", "Mean", "Standard deviation", "This model"),
            rows,
            f"How good the model is on {on}: mean and standard deviation over {count} training seeds, not the "
            "best of them.",
        ),
    ]


EVOLUTIONS = {
    "jump": "with a learned Hamiltonian H and K = {count} learned jump operators",
    "unitary": "with a learned Hamiltonian H and no jumps",
    "none": "which here does nothing (ablation)",
    "dissipative": "with K = {count} learned jump operators and no Hamiltonian",
}
READOUTS = {
    "joint": "of the joint state",
    "single": "of the state of {read}, into which all else must flow",
    "local": "of the state of each modality, so that at t = 0 the score is a sum over modalities and every "
    "joint contribution is made by the evolution",
}


def _of_jump(sample: Sample) -> list[Block]:
    model, settings = sample.model, sample.study.card["settings"]
    dims = listed(
        [f"{d} for {name}" for name, d in zip(sample.modalities, model.dims, strict=True)]
    )
    evolution, readout = "", "unit vectors of the states that it reads"
    follows: list[Any] = [f"The model is {model.title}."]
    if "evolution" in settings:
        evolution = " " + EVOLUTIONS[settings["evolution"]].format(count=model.jump_count)
        readout = f"J = {settings['measurements']} trained unit vectors " + READOUTS[
            settings["readout"]
        ].format(read=settings.get("read") or sample.modalities[0])
        follows = ["The model follows QiNN-QJ ", cite("qinnqj2025"), f". {READING}"]
    several = len(sample.explanation.outputs) > 1
    return [
        heading("The system", 2),
        paragraph(
            *follows,
            " An encoder for each modality gives a complex vector, which becomes a quantum state; "
            f"the dimensions are {dims}, so the joint state has D = {math.prod(model.dims)}.",
        ),
        equation("states"),
        paragraph(
            "The state evolves by the master equation ",
            cite("lindblad1976", "gks1976"),
            f"{evolution}, shared by all samples, for T = {model.duration:g} (ħ = 1; times "
            "and energies are plain numbers).",
        ),
        equation("master"),
        paragraph(
            f"The score{'s are' if several else ' is'} read with {readout}. Equivalently the observable evolves, which "
            "serves all samples at once; the exponential is expanded in Chebyshev polynomials ",
            cite("talezer1984"),
            ".",
        ),
        equation("observable"),
        equation("adjoint"),
        paragraph(
            "Entropies, logarithmic negativity ",
            cite("vidal2002"),
            " and mutual information are those of the reduced states, in nats (negativity in bits):",
        ),
        equation("entropy"),
    ]


def _of_network(sample: Sample) -> list[Block]:
    model, M = sample.model, len(sample.modalities)
    n = model.elements
    meaning = "one for each class" if model.elements_are_classes else "learned"
    chain = "" if M <= 3 else f" More than three modalities are fused in a chain of {M - 1} stages."
    layers = len([name for name in sample.places if name.endswith("pooled")])
    contradicting = (
        paragraph(
            "How much the modalities contradict each other is told by Dempster's K ",
            cite("shafer1976"),
            ":",
        ),
        equation("conflict"),
    )
    return [
        heading("The system", 2),
        paragraph(
            "The model follows feature-entanglement fusion with a quantum convolutional network ",
            cite("fusionqcnn2026"),
            f". {READING} An encoder for each of the M = {M} modalities gives an "
            f"angle for each of n = {n} elements ({meaning}); it turns a qubit "
            "that reads 1 with the mass that this modality gives the element.",
        ),
        equation("masses"),
        paragraph(
            "A fresh qubit for each element is turned by an angle that depends on what its modality qubits read, "
            f"2^{min(M, 3)} learned angles an element; these qubits are then left out.{chain}"
        ),
        equation("fusion"),
        paragraph(
            "A quantum convolutional network ",
            cite("cong2019", "hur2022"),
            f" of {layers} layers with block "
            f"{sample.study.card['settings']['block']} convolves and pools the {n} fused qubits; a linear head reads "
            "the joint "
            "probabilities of the qubits that stay and ⟨Z⟩ of every measured one. The "
            f"{len(sample.explanation.outputs)} scores are therefore fixed polynomials of the fused qubits:",
        ),
        equation("network"),
        paragraph(
            f"The entropy of a fused qubit is its entanglement with the qubits it was fused from. {INERT}"
        ),
        equation("qubit_entropy"),
        *(contradicting if model.elements_are_classes else ()),
    ]


def _of_kets(sample: Sample) -> list[Block]:
    dims = listed(
        [
            f"{d} levels for {name}"
            for name, d in zip(sample.modalities, sample.model.dims, strict=True)
        ]
    )
    return [
        heading("The system", 2),
        paragraph(
            f"An encoder for each modality gives a complex vector, which becomes a quantum state of {dims}. "
            "The scores are expectations of trained observables of their product; nothing evolves."
        ),
    ]


_OF: dict[Ability, Callable[[Sample], list[Block]]] = {
    "time": _of_jump,
    "layers": _of_network,
    "kets": _of_kets,
}
BACKGROUNDS = {
    "product": "Here σ is the product of the modalities' mean states over N = {size} samples, which "
    "breaks their correlation.",
    "mixed": "Here σ is the maximally mixed state: nothing is known.",
    "zero": "Here σ is the reference state of every modality.",
}


def _splitting(sample: Sample) -> list[Block]:
    """How the decision was split."""
    behind, size = sample.background, f"{sample.background.size:,}"
    of_rows = behind.kind in ("joint", "cohort", "contrast")
    split = training_split(sample.study.card).replace("+", " and ")
    stand_in = [equation("value_rows"), paragraph(f"with N = {size}.")] if of_rows else []
    if sample.can("kets"):
        mean = "Here σ is the mean state of the background, N = {size}:"
        stand_in = [
            equation("value_state"),
            paragraph((mean if of_rows else BACKGROUNDS[behind.kind]).format(size=size)),
            *([equation("background_joint")] if of_rows else []),
        ]
    return [
        heading("Splitting the decision", 2),
        paragraph(
            "A score is linear in the state of each modality. What the model says when it is told only the modalities "
            "in S is therefore exact, with no sampling"
            if sample.can("states")
            else "What the model says when it is told only the modalities in S is found by running it, with the others "
            "taken from each row of the background",
            " (interventional values ",
            cite("janzing2020"),
            "); here, what is not told is "
            f"averaged over {verdicts.behind(behind)}"
            + (f" (rows of {split})." if behind.kind in ("joint", "product") else "."),
        ),
        *stand_in,
        paragraph(
            "What a combination adds beyond its parts is its Harsanyi dividend ",
            cite("harsanyi1963"),
            ", the one of the empty set being the baseline:",
        ),
        equation("dividend"),
        paragraph(
            "Shapley values ",
            cite("shapley1953"),
            " share each dividend evenly among its members; shares are those of MM-SHAP ",
            cite("parcalabescu2023"),
            ", interaction indices those of Grabisch and Roubens ",
            cite("grabisch1999"),
            ".",
        ),
        equation("shapley"),
    ]


def command(sample: Sample, name: str, *words: str) -> str:
    """Returns a command about a sample's model and data against its background, with `words` of its own before that."""
    background = sample.background
    known = {"contrast": ["--contrast", background.label], "joint": [], "cohort": []}
    behind = known.get(background.kind, ["--background", background.kind])
    base = f"python -m qfusion {name} --model".split()
    return shlex.join([*base, sample.name, "--data", sample.dataset.name, *words, *behind])


def shows(name: str, whole: str = "") -> str:
    """Returns what a figure of `building` shows and what it does not, in a sentence each, `whole` between them."""
    does, does_not = building.SAYS[name]
    return f"What the figure shows: {does}{whole} It does not show {does_not}"


# The report on one sample: what was decided, what is behind it, how far to trust it, how it was worked out.

ENTROPY_IS = "Entropy and entanglement are correlation, not attribution: they do not say which modality decided."
HIDDEN = ("text", "transcript")  # columns of the data's table that the content shows already
MAX_CURVE = 4000  # points of a waveform that is drawn


def report(sample: Sample) -> Report:
    """Returns the report on a sample."""
    decision = verdicts.verdict_sentence(sample.scores, sample.classes)
    return Report(
        f"Sample {sample.id}: why {sample.name} says {decision}",
        f"{sample.study.card.get('title', sample.name)}; data: {sample.dataset.title}",
        f"Report on the decision of model {sample.name} on sample {sample.id} of data set "
        f"{sample.dataset.name}.",
        [
            *_summary(sample),
            *_content(sample),
            *_contributions(sample),
            *_dynamics(sample),
            *_built(sample),
            *_cuts(sample),
            *_entropies(sample),
            *_circuit(sample),
            *trust_section(sample),
            *methods_section(sample),
            *_again(sample),
        ],
    )


def _summary(sample: Sample) -> list[Block]:
    """What was decided, in sentences and as a table."""
    answers = [
        (
            strong("Which modality decided this? "),
            f"{verdicts.decided(sample.verdict)} {verdicts.largest_part(sample.dividends)}.",
        ),
        (strong("Did the modalities conflict? "), verdicts.conflict(sample.verdict)),
    ]
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
        answers.append((strong("Since when? "), verdicts.settled(decisions, places)))
    changed = paragraph(
        f"The model is not as it was trained: {sample.changed}. Test metrics and spread over seeds are those of the "
        "trained one."
    )
    return [
        heading("In short"),
        paragraph(_decision(sample)),
        points(*answers),
        paragraph(
            f"All contributions are exact; they compare with {verdicts.behind(sample.background)}."
        ),
        *([changed] if sample.changed else []),
        about(
            sample,
            [
                ("Sample", f"{sample.id}, of the {sample.dataset.split[sample.row]} split"),
                ("Decision", verdicts.verdict_sentence(sample.scores, sample.classes)),
                ("Explained", f"{sample.unit}: {number(sample.score)}"),
                (
                    "Annotation",
                    str(sample.truth) if sample.classes else number(float(sample.truth)),
                ),
                ("Compared with", verdicts.behind(sample.background)),
                ("Changed in the model", sample.changed or "nothing, it is as trained"),
            ],
        ),
    ]


def _on_the_way(sample: Sample) -> bool:
    """Whether the model can be read out before its end."""
    return sample.can("time") or sample.can("layers")


def _decision(sample: Sample) -> str:
    if not sample.classes:
        return (
            f"The model predicts {signed(sample.score)} "
            f"({verdicts.verdict_sentence(sample.scores, sample.classes)}); the annotation "
            f"is {signed(float(sample.truth))}, so the error is "
            f"{number(abs(sample.score - float(sample.truth)))}."
        )
    sure = numbers.verdict(sample)["probability"].to_numpy()
    best = int(np.argmax(sure))
    right = (
        "which is what it was annotated with"
        if sample.classes[best] == sample.truth
        else f"it was annotated as ‘{sample.truth}’"
    )
    return (
        f"The model decides for ‘{sample.classes[best]}’ ({text.softmax(sure[best])}); {right}. "
        f"{sample.study.calibration}"
    )


def _content(sample: Sample) -> list[Block]:
    """What the sample is, as far as the data set has it."""
    content = sample.dataset.content(sample.row)
    absent = [name for name in sample.modalities if name not in content]
    missing = f"No raw content of {listed(absent)} comes with this data set, only features."
    rows = [
        (text.column(str(name)), number(value) if isinstance(value, float) else str(value)[:300])
        for name, value in sample.dataset.table.iloc[sample.row].items()
        if name not in (*HIDDEN, sample.dataset.target.name)
    ]
    return [
        heading("The sample"),
        *(_piece(sample, name, content[name]) for name in sample.modalities if name in content),
        *([paragraph(missing)] if absent else []),
        *([facts(rows, "What the data set says of the sample.")] if rows else []),
    ]


def _piece(sample: Sample, name: str, piece: Text | Image | Audio | Series) -> Block:
    """One modality's content."""
    if isinstance(piece, Text):
        return quote(piece.text, f"{name} of the sample, as it stands in the data")
    if isinstance(piece, Image):
        return picture(piece.pixels, f"{name} of the sample.", f"Picture: {name} of the sample")
    if isinstance(piece, Audio):
        count = len(piece.samples)
        step = max(1, count // MAX_CURVE)
        axes = (np.asarray(piece.samples)[::step], np.arange(count)[::step] / piece.rate)
        axis_names = ("time (s)", "amplitude")
        caption = f"{count / piece.rate:.2f} s at {piece.rate:,} samples a second."
        alt = f"Waveform: {name} of the sample"
    else:
        axes, axis_names = (piece.values, piece.x), (piece.x_label, piece.y_label)
        caption = f"{piece.y_label} over {piece.x_label}."
        alt = f"Curve: {name} of the sample, {len(piece.values)} values"
    return figure(
        evidence.curve(*axes, *axis_names, term_colour(name, sample.modalities)),
        f"{name} of the sample: {caption}",
        alt,
        HALF,
        34,
    )


def _contributions(sample: Sample) -> list[Block]:
    """What every modality and every combination added."""
    against = f"Compared with {verdicts.behind(sample.background)}."
    terms = ", ".join(
        f"{term or 'baseline'} {value:+.2f}" for term, value in sample.dividends.items()
    )
    shapley = ", ".join(
        f"{name} {value:+.2f} ({sample.shares[name]:.0%})" for name, value in sample.shapley.items()
    )
    return [
        heading("What each modality contributed"),
        figure(
            notebook.contributions(sample),
            f"From the baseline to the {sample.unit}, term by term; hatched bars are what modalities say only "
            f"together. {against}",
            f"Waterfall: {terms}; score {sample.score:+.2f}.",
        ),
        figure(
            notebook.shapley(sample),
            "Shapley values: each modality's own term and an equal part of every joint term it takes part "
            f"in; in brackets its share of the absolute total. {against}",
            f"Shapley values: {shapley}.",
            HALF,
        ),
        _terms(sample),
        _pairs(sample),
    ]


def _terms(sample: Sample) -> Block:
    scores = sample.explanation.values[0, :, sample.output].tolist()
    rows: list[tuple[str, ...]] = [
        (term.replace("+", " + ") or "nothing (baseline)", signed(score), signed(dividend))
        for (term, dividend), score in zip(sample.dividends.items(), scores, strict=True)
    ]
    head: tuple[str, ...] = ("Told only", "Score v(S)", "Contribution Δ(S)")
    if sample.dataset.truth is not None and sample.dataset.names == sample.modalities:
        true = sample.dataset.truth.iloc[sample.row].reindex(list(sample.dividends)).astype(float)
        rows = [(*row, signed(value)) for row, value in zip(rows, true, strict=True)]
        head += ("True contribution",)
    return table(
        head,
        rows,
        "What the model says when it is told only some modalities, and what each combination adds beyond its "
        "parts. The contributions add up to the score.",
    )


def _pairs(sample: Sample) -> Block:
    pairs = sample.explanation.interaction[0, :, :, sample.output]
    return table(
        ("Modality", "Shapley value", "Share", *(f"with {name}" for name in sample.modalities)),
        [
            (
                name,
                signed(sample.shapley[name]),
                f"{sample.shares[name]:.1%}",
                *("" if a == b else signed(value) for b, value in enumerate(pairs[a])),
            )
            for a, name in enumerate(sample.modalities)
        ],
        "Shapley values, shares and Shapley interaction indices: what two modalities add together, averaged "
        "over what else is known.",
    )


def _dynamics(sample: Sample) -> list[Block]:
    """When it happened: terms and entropies through the evolution, or along the layers."""
    if not _on_the_way(sample):
        return []
    where = "through the evolution" if sample.can("time") else "along the layers of the network"
    last = ", ".join(
        f"{name} {values[-1]:+.2f}"
        for name, values in notebook.columns(numbers.over_time(sample), "dividend").items()
        if name
    )
    return [
        heading("When it was decided"),
        figure(
            notebook.over_time(sample),
            f"Entropies (above) and terms of the decision (below) {where}, as if the system were read out there. "
            f"Compared with {verdicts.behind(sample.background)}.",
            f"Lines {where}; terms at the end: {last}.",
        ),
        paragraph("Both can move together without one causing the other. ", ENTROPY_IS),
    ]


def _built(sample: Sample) -> list[Block]:
    """Which coupling and dissipation built which contribution."""
    if not sample.can("time"):
        return []
    question = heading("Which coupling built which term?")
    try:
        words = building_answer(numbers.building_of(sample))
    except InvalidInput as error:  # evolved for too long to be resolved
        return [question, paragraph(str(error))]
    return [
        question,
        paragraph(
            f"{words}. All terms of the dynamics are turned up from nothing together, and what each does is added up "
            "on that way (Aumann and Shapley 1974), so that a row of the matrix leads from the contribution without "
            "evolution to the one that was explained."
        ),
        figure(notebook.built(sample), shows("built"), f"{words}."),
        figure(notebook.built_flow(sample), shows("built-flow"), f"{words}."),
    ]


def _cuts(sample: Sample) -> list[Block]:
    """Whether the score needs the correlations of each modality, and when."""
    if not sample.can("time") or len(sample.modalities) < 2:
        return []
    answer = f"{cuts.answer(cuts.cuts(sample.model, sample.inputs), sample.output)}."
    return [
        heading("Are the correlations needed?"),
        paragraph(answer),
        figure(notebook.cut(sample), shows("cut"), answer),
    ]


def _entropies(sample: Sample) -> list[Block]:
    if sample.can("time"):
        return _of_states(sample)
    return _of_fusion(sample) if sample.can("rules") else []


def _of_states(sample: Sample) -> list[Block]:
    """Entropies and entanglement at T."""
    tracked = numbers.track(sample)
    measures = {
        (measure.kind, measure.part): number(float(measure.values[-1]))
        for measure in tracked.measures
    }
    apart = float(np.abs(tracked.rho[-1] - numbers.state(sample)).max())
    kinds = [
        kind for kind in KINDS if any(entry == kind and len(part) == 1 for entry, part in measures)
    ]
    axes = {kind: KINDS[kind].short_axis.capitalize() for kind in kinds} | {
        "negativity": f"Negativity with the rest ({KINDS['negativity'].unit})"
    }
    parts = [(name, (name,)) for name in sample.modalities] + [("all together", ())]
    shared = [
        (" and ".join(part), value)
        for (kind, part), value in measures.items()
        if kind == "mutual_information"
    ]
    pairs = table(
        ("Pair", KINDS["mutual_information"].axis.capitalize()),
        shared,
        "Correlation of every two modalities at T, classical and quantum.",
    )
    return [
        heading("Entropies and entanglement at the end"),
        table(
            ("Part", *(axes[kind] for kind in kinds)),
            [(name, *(measures.get((kind, part), "") for kind in kinds)) for name, part in parts],
            f"States at T = {sample.model.duration:g}. The whole starts pure, with entropy 0; what it has at the "
            "end is lost to the jumps.",
        ),
        *([pairs] if shared else []),
        paragraph(
            ENTROPY_IS,
            " QuTiP followed the state independently of the training code; the two agree on ρ(T) to "
            f"{power(apart)} ",
            "in every entry ",
            cite("qutip5"),
            ".",
        ),
    ]


def _of_fusion(sample: Sample) -> list[Block]:
    """What the fusion read: masses, rules, beliefs, entropies."""
    reading = numbers.reading(sample)
    fused, entropy = (
        ", ".join(
            f"{name} {value:.2f}" for name, value in zip(reading.elements, values, strict=True)
        )
        for values in (reading.fused, reading.entropy)
    )
    nameless = (
        "" if reading.elements_are_classes else " Elements are learned here; they have no names."
    )
    conflict = (
        []
        if reading.conflict is None
        else [paragraph(contradiction(reading.conflict), " ", cite("shafer1976"), ". ", ENTROPY_IS)]
    )
    return [
        heading("What the fusion read"),
        figure(
            notebook.masses(sample),
            "The mass that each modality gives each element (sin² θ/2, the chance that its qubit reads 1), "
            f"and the fused one.{nameless}",
            f"Heat map of masses; fused: {fused}.",
        ),
        figure(
            notebook.entropies(sample),
            "Von Neumann entropy of each fused qubit, at most ln 2: its entanglement with the qubits "
            f"it was fused from, as these are together in a pure state. {INERT}",
            f"Entropies in nats: {entropy}.",
            HALF,
        ),
        table(
            (
                "Element",
                *(f"Mass {name}" for name in sample.modalities),
                "Fused",
                "Nearest rule",
                "Disagreement",
                "Entropy (nats)",
            ),
            [
                (
                    str(row["element"]),
                    *(number(row[f"mass[{name}]"]) for name in sample.modalities),
                    number(row["mass"]),
                    str(row["rule"]),
                    number(row["disagreement"]),
                    number(row["entropy"]),
                )
                for _, row in numbers.masses(sample).iterrows()
            ],
            "The fusion, element by element: masses, the named rule nearest to the learned table, and the mass on "
            "the modalities contradicting each other.",
            (len(sample.modalities) + 2,),
        ),
        *conflict,
    ]


def contradiction(K: float) -> str:
    """How far the modalities' masses contradict each other; Dempster's K, NaN where a modality supports no class."""
    if not np.isfinite(K):
        return "A modality supports no class at all, so that Dempster's K is not defined"
    if round(K, 3) <= 0:
        return f"The masses hardly contradict each other: Dempster's K is {'0.000' if K <= 0 else 'less than 0.001'}"
    return f"The masses contradict each other with Dempster's K = {K:.3f}"


def _circuit(sample: Sample) -> list[Block]:
    """The circuit, with the sample in it."""
    if not sample.can("circuit"):
        return []
    title = heading("The circuit")
    if sample.can("time") and any(d & (d - 1) for d in sample.model.dims):
        none = "None is drawn: qubits hold modalities whose dimensions are powers of two, and these are "
        return [title, paragraph(none, listed([str(d) for d in sample.model.dims]), ".")]
    replay, built = numbers.circuit(sample)
    size = f"{len(replay.wires)} qubits, {replay.count} gates"
    if sample.can("time"):
        caption = (
            f"One step of the evolution (dt = {built.dt:g}, {built.dt / sample.model.duration:.3g} T) as a quantum "
            f"circuit, with the sample's own states prepared: {size}. {built.error.sentence}"
        )
    elif sample.can("gates"):
        caption = f"The model's circuit of this sample: {size}. {replay.says}"
    else:
        caption = (
            f"The whole network with the sample's angles: {size}. Modality qubits are left out after the fusion; a "
            "measured qubit controls a rotation of its neighbour."
        )
    return [
        title,
        figure(
            notebook.diagram(sample),
            caption
            + " A disc is a qubit at the end: its needle is (⟨X⟩, ⟨Z⟩) with |0⟩ up, its colour ⟨Y⟩; a "
            "needle that ends inside is a mixed state.",
            f"Circuit of {size}.",
            FULL,
        ),
        paragraph("Drawn from the list of gates that PennyLane runs ", cite("pennylane"), "."),
    ]


def _again(sample: Sample) -> list[Block]:
    """How to get the same numbers."""
    chosen = (
        ["--output", sample.explanation.outputs[sample.output]]
        if len(sample.explanation.outputs) > 1
        else []
    )
    tweak = ["--tweak", sample.changed] if sample.changed else []
    own = ("--sample", sample.id, *chosen)
    commands = [
        f"{command(sample, 'report', *own)} {shlex.join([*tweak, '--out', 'report.html'])}",
        *([] if sample.changed else [f"{command(sample, 'explain', *own)} --json"]),
    ]
    return [
        heading("The same again"),
        paragraph(
            "These commands write this report and print its contributions; the digests in the table above tell whether "
            "model and data are the same."
        ),
        listing("\n".join(commands), "Commands"),
    ]
