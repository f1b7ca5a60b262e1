"""The report on one sample: what was decided, what is behind it, how far to trust it, how it was worked out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import numpy as np

from qfusion._sentences import listed
from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.data.modality import Audio, Image, Series, Text
from qfusion.errors import InvalidInput
from qfusion.explain.changes import cut_answers
from qfusion.explain.changes.building import answer as building_answer
from qfusion.explain.changes.cuts import cuts
from qfusion.explain.contributions import answers, verdict
from qfusion.explain.network.evidence import INERT
from qfusion.figures import notebook, numbers
from qfusion.figures.draw import building, evidence
from qfusion.figures.style import term_colour
from qfusion.quantum.measures import KINDS
from qfusion.report import methods, trust
from qfusion.report.blocks import (
    Block,
    Document,
    Facts,
    Heading,
    Listing,
    Points,
    Quote,
    Strong,
    Table,
    cite,
    paragraph,
)
from qfusion.report.drawn import FULL, HALF, figure, number, picture, power, signed

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
    parts += [*trust.section(sample), *methods.section(sample), *_again(sample)]
    decision = answers.verdict(sample.scores, sample.classes)
    return Document(
        f"Sample {sample.id}: why {sample.name} says {decision}",
        f"{sample.work.card.get('title', sample.name)}; data: {sample.dataset.title}",
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
            answers.verdict(scores, sample.classes) for scores in sample.through.prediction[:, 0]
        ]
        when = ((Strong("Since when? "), answers.settled(decisions, places)),)
    yield Heading("In short")
    yield paragraph(_decision(sample))
    decided = f"{verdict.decided(sample.verdict)} {verdict.largest_part(sample.dividends)}."
    yield Points(
        (
            (Strong("Which modality decided this? "), decided),
            (Strong("Did the modalities conflict? "), verdict.conflict(sample.verdict)),
            *when,
        )
    )
    yield paragraph(
        f"All contributions are exact; they compare with {answers.behind(sample.background)}."
    )
    if sample.changed:
        yield paragraph(
            f"The model is not as it was trained: {sample.changed}. Test metrics and spread over seeds are those of "
            "the trained one."
        )
    yield methods.facts(sample)


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
            f"{sample.work.calibration}"
        )
    return (
        f"The model predicts {signed(sample.score)} ({answers.verdict(sample.scores, sample.classes)}); the annotation "
        f"is {truth}, so the error is {number(abs(sample.score - float(sample.truth)))}."
    )


def _content(sample: Sample) -> Iterator[Block]:
    """What the sample is, as far as the data set has it."""
    yield Heading("The sample")
    found = sample.dataset.content(sample.row)
    for name in sample.modalities:
        piece = found.get(name)
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
    absent = [name for name in sample.modalities if name not in found]
    if absent:
        yield paragraph(
            f"No raw content of {listed(absent)} comes with this data set, only features."
        )
    table = sample.dataset.table.iloc[sample.row]
    told = {
        str(name): value
        for name, value in table.items()
        if name not in (*HIDDEN, sample.dataset.target.name)
    }
    if told:
        rows = tuple(
            (text.column(name), number(value) if isinstance(value, float) else str(value)[:300])
            for name, value in told.items()
        )
        yield Facts(rows, "What the data set says of the sample.")


def _contributions(sample: Sample) -> Iterator[Block]:
    """What every modality and every combination added."""
    against = f"Compared with {answers.behind(sample.background)}."
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
    found, truth = sample.explanation, sample.dataset.truth
    known = truth is not None and sample.dataset.names == sample.modalities
    values = dict(zip(found.coalitions, found.values[0, :, sample.output].tolist(), strict=True))
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
    found = sample.explanation.interaction[0, :, :, sample.output]
    rows = tuple(
        (
            name,
            signed(sample.shapley[name]),
            f"{sample.shares[name]:.1%}",
            *("" if a == b else signed(found[a, b]) for b in range(len(sample.modalities))),
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
        f"Compared with {answers.behind(sample.background)}.",
        f"Lines {where}; terms at the end: {last}.",
    )
    yield paragraph("Both can move together without one causing the other. ", ENTROPY_IS)


def _built(sample: Sample) -> Iterator[Block]:
    """Which coupling and dissipation built which contribution."""
    if not sample.can("time"):
        return
    yield Heading("Which coupling built which term?")
    try:
        said = building_answer(numbers.building_of(sample))
    except InvalidInput as error:  # evolved for too long to be resolved
        yield paragraph(str(error))
        return
    yield paragraph(
        f"{said}. All terms of the dynamics are turned up from nothing together, and what each does is added up on "
        "that way (Aumann and Shapley 1974), so that a row of the matrix leads from the contribution without evolution "
        "to the one that was explained."
    )
    for draw, name in ((notebook.built, "built"), (notebook.built_flow, "built-flow")):
        yield figure(
            draw(sample),
            f"What the figure shows: {building.SAYS[name][0]} It does not show {building.SAYS[name][1]}",
            f"{said}.",
        )


def _cuts(sample: Sample) -> Iterator[Block]:
    """Whether the score needs the correlations of each modality, and when."""
    if not sample.can("time") or len(sample.modalities) < 2:
        return
    found = cuts(sample.model, sample.inputs)
    said = cut_answers.answer(found, sample.output)
    yield Heading("Are the correlations needed?")
    yield paragraph(f"{said}.")
    yield figure(
        notebook.cut(sample),
        f"What the figure shows: {building.SAYS['cut'][0]} It does not show {building.SAYS['cut'][1]}",
        f"{said}.",
    )


def _entropies(sample: Sample) -> Iterator[Block]:
    if sample.can("time"):
        yield from _of_states(sample)
    elif sample.can("rules"):
        yield from _of_fusion(sample)


def _of_states(sample: Sample) -> Iterator[Block]:
    """Entropies and entanglement at T."""
    tracked = numbers.track(sample)
    measures = {(each.kind, each.part): float(each.values[-1]) for each in tracked.measures}
    apart = float(np.abs(tracked.rho[-1] - numbers.state(sample)).max())
    yield Heading("Entropies and entanglement at the end")
    kinds = [
        kind for kind in KINDS if any(each == kind and len(part) == 1 for each, part in measures)
    ]
    parts = [(name, (name,)) for name in sample.modalities] + [("all together", ())]
    rows = [
        (
            name,
            *(number(measures[kind, part]) if (kind, part) in measures else "" for kind in kinds),
        )
        for name, part in parts
    ]
    said = {"negativity": f"Negativity with the rest ({KINDS['negativity'].unit})"}
    yield Table(
        ("Part", *(said.get(kind, KINDS[kind].short_axis.capitalize()) for kind in kinds)),
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
    found = numbers.reading(sample)
    yield Heading("What the fusion read")
    fused = ", ".join(f"{e} {v:.2f}" for e, v in zip(found.elements, found.fused, strict=True))
    yield figure(
        notebook.masses(sample),
        "The mass that each modality gives each element (sin² θ/2, the chance that its qubit reads 1), "
        "and the fused one."
        + ("" if found.elements_are_classes else " Elements are learned here; they have no names."),
        f"Heat map of masses; fused: {fused}.",
    )
    entropy = ", ".join(f"{e} {v:.2f}" for e, v in zip(found.elements, found.entropy, strict=True))
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
    if found.conflict is not None:
        yield paragraph(contradiction(found.conflict), " ", cite("shafer1976"), ". ", ENTROPY_IS)


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
