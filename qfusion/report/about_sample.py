"""The report on one sample: what was decided, what is behind it, how far to trust it, how it was worked out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import numpy as np

from qfusion import explain
from qfusion.analysis.case import Case
from qfusion.data.modality import Audio, Image, Series, Text
from qfusion.errors import InvalidInput
from qfusion.explain.changes import building_answers, cut_answers
from qfusion.explain.changes.cuts import cuts
from qfusion.explain.contributions import answers
from qfusion.figures import notebook, numbers
from qfusion.figures.draw import building, evidence
from qfusion.figures.draw.cuts import SAYS
from qfusion.figures.style import term_colour
from qfusion.quantum.measures import KINDS
from qfusion.report import methods, trust
from qfusion.report.blocks import Block, Document, Facts, Heading, Listing, Points, Quote, Strong, Table, cite, paragraph
from qfusion.report.drawn import FULL, HALF, figure, number, picture, power, signed

ENTROPY_IS = "Entropy and entanglement are correlation, not attribution: they do not say which modality decided."
HIDDEN = ("text", "transcript")  # columns of the data's table that the content shows already
MAX_CURVE = 4000  # points of a waveform that is drawn


def document(case: Case) -> Document:
    """Returns the report on a case."""
    parts: list[Block] = []
    for section in (_summary, _content, _contributions, _dynamics, _built, _cuts, _entropies, _circuit):
        parts += section(case)
    parts += [*trust.section(case), *methods.section(case), *_again(case)]
    decision = answers.verdict(case.scores, case.classes)
    return Document(f"Sample {case.sample}: why {case.name} says {decision}",
                    f"{case.checkpoint.card.get('title', case.name)} on {case.dataset.title}",
                    f"Report on the decision of model {case.name} on sample {case.sample} of data set {case.dataset.name}.", tuple(parts))


def _summary(case: Case) -> Iterator[Block]:
    """What was decided, in sentences and as a table."""
    kind = str(explain.relation(case.explanation, case.output)[0])
    when: tuple[tuple[Strong, str], ...] = ()
    if _on_the_way(case):
        places = [f"t = {t:.2f}" for t in case.places] if case.can("time") else [f"“{place}”" for place in case.places]
        decisions = [answers.verdict(scores, case.classes) for scores in case.through.prediction[:, 0]]
        when = ((Strong("Since when? "), answers.settled(decisions, places)),)
    yield Heading("In short")
    yield paragraph(_decision(case))
    yield Points(((Strong("Which modality decided this? "), answers.decided(case.shares, case.dividends)),
                  (Strong("Did the modalities conflict? "), answers.conflict(case.dividends, case.modalities, kind)), *when))
    yield paragraph(f"All contributions are exact; they compare with {answers.behind(case.background)}.")
    if case.tweak:
        yield paragraph(f"The model is not as it was trained: {case.tweak}. Test metrics and spread over seeds are those of the trained "
                        "one.")
    yield methods.facts(case)


def _on_the_way(case: Case) -> bool:
    """Whether the model can be read out before its end."""
    return case.can("time") or case.can("layers")


def _decision(case: Case) -> str:
    truth = f"‘{case.truth}’" if case.classes else signed(float(case.truth))
    if case.classes:
        sure = numbers.verdict(case)["probability"].to_numpy()
        best = int(np.argmax(sure))
        right = "which is what it was annotated with" if case.classes[best] == case.truth else f"it was annotated as {truth}"
        return f"The model decides for ‘{case.classes[best]}’ with probability {sure[best]:.1%}; {right}."
    return (f"The model predicts {signed(case.score)} ({answers.verdict(case.scores, case.classes)}); the annotation is {truth}, "
            f"so the error is {number(abs(case.score - float(case.truth)))}.")


def _content(case: Case) -> Iterator[Block]:
    """What the sample is, as far as the data set has it."""
    yield Heading("The sample")
    found = case.dataset.content(case.row)
    for name in case.modalities:
        piece = found.get(name)
        if isinstance(piece, Text):
            yield Quote(piece.text, f"{name} of the sample, as it stands in the data")
        elif isinstance(piece, Image):
            yield picture(piece.pixels, f"{name} of the sample.", f"Picture: {name} of the sample")
        elif isinstance(piece, Audio):
            step = max(1, len(piece.samples) // MAX_CURVE)
            seconds = np.arange(len(piece.samples))[::step] / piece.rate
            drawn = evidence.curve(np.asarray(piece.samples)[::step], seconds, "time (s)", "amplitude", term_colour(name, case.modalities))
            yield figure(drawn, f"{name} of the sample: {len(piece.samples) / piece.rate:.2f} s at {piece.rate:,} samples a second.",
                         f"Waveform: {name} of the sample", HALF, 34)
        elif isinstance(piece, Series):
            drawn = evidence.curve(piece.values, piece.x, piece.x_label, piece.y_label, term_colour(name, case.modalities))
            yield figure(drawn, f"{name} of the sample: {piece.y_label} over {piece.x_label}.",
                         f"Curve: {name} of the sample, {len(piece.values)} values", HALF, 34)
    absent = [name for name in case.modalities if name not in found]
    if absent:
        yield paragraph(f"No raw content of {answers.listed(absent)} comes with this data set, only features.")
    table = case.dataset.table.iloc[case.row]
    told = {str(name): value for name, value in table.items() if name not in (*HIDDEN, case.dataset.target.name)}
    if told:
        rows = tuple((name.replace("_", " "), number(value) if isinstance(value, float) else str(value)[:300])
                     for name, value in told.items())
        yield Facts(rows, "What the data set says of the sample.")


def _contributions(case: Case) -> Iterator[Block]:
    """What every modality and every combination added."""
    against = f"Compared with {answers.behind(case.background)}."
    yield Heading("What each modality contributed")
    terms = ", ".join(f"{term or 'baseline'} {value:+.2f}" for term, value in case.dividends.items())
    yield figure(notebook.contributions(case),
                 f"From the baseline to the {case.unit}, term by term; hatched bars are what modalities say only together. {against}",
                 f"Waterfall: {terms}; score {case.score:+.2f}.")
    shapley = ", ".join(f"{name} {value:+.2f} ({case.shares[name]:.0%})" for name, value in case.shapley.items())
    yield figure(notebook.shapley(case), "Shapley values: each modality's own term and an equal part of every joint term it takes part in; "
                 f"in brackets its share of the absolute total. {against}", f"Shapley values: {shapley}.", HALF)
    yield _terms(case)
    yield _pairs(case)


def _terms(case: Case) -> Table:
    found, truth = case.explanation, case.dataset.truth
    known = truth is not None and case.dataset.names == case.modalities
    values = dict(zip(found.coalitions, found.values[0, :, case.output].tolist(), strict=True))
    rows = []
    for term, dividend in case.dividends.items():
        true = [signed(float(truth.iloc[case.row].get(term, np.nan)))] if known and truth is not None else []
        rows.append((term.replace("+", " + ") or "nothing (baseline)", signed(values[term]), signed(dividend), *true))
    return Table(("Told only", "Score v(S)", "Dividend Δ(S)", *(["True dividend"] if known else [])), tuple(rows),
                 "What the model says when it is told only some modalities, and what each combination adds beyond its parts. "
                 "The dividends add up to the score.")


def _pairs(case: Case) -> Table:
    found = case.explanation.interaction[0, :, :, case.output]
    rows = tuple((name, signed(case.shapley[name]), f"{case.shares[name]:.1%}",
                  *("" if a == b else signed(found[a, b]) for b in range(len(case.modalities))))
                 for a, name in enumerate(case.modalities))
    return Table(("Modality", "Shapley value", "Share", *(f"with {name}" for name in case.modalities)), rows,
                 "Shapley values, shares and Shapley interaction indices: what two modalities add together, averaged over what else is "
                 "known.")


def _dynamics(case: Case) -> Iterator[Block]:
    """When it happened: terms and entropies through the evolution, or along the layers."""
    if not _on_the_way(case):
        return
    table = numbers.over_time(case)
    where = "through the evolution" if case.can("time") else "along the layers of the network"
    yield Heading("When it was decided")
    last = ", ".join(f"{name} {values[-1]:+.2f}" for name, values in notebook.columns(table, "dividend").items() if name)
    yield figure(notebook.over_time(case),
                 f"Entropies (above) and terms of the decision (below) {where}, as if the system were read out there. "
                 f"Compared with {answers.behind(case.background)}.", f"Lines {where}; terms at the end: {last}.")
    yield paragraph("Both can move together without one causing the other. ", ENTROPY_IS)


def _built(case: Case) -> Iterator[Block]:
    """Which coupling and jump operator built which contribution."""
    if not case.can("time"):
        return
    yield Heading("Which coupling built which term?")
    try:
        said = building_answers.answer(numbers.building_of(case))
    except InvalidInput as error:  # evolved for too long to be resolved
        yield paragraph(str(error))
        return
    yield paragraph(f"{said}. All terms of the dynamics are turned up from nothing together, and what each does is added up on that way "
                    "(Aumann and Shapley 1974), so that a row of the matrix leads from the contribution without evolution to the one that "
                    "was explained.")
    for draw, name in ((notebook.built, "built"), (notebook.built_flow, "built-flow")):
        yield figure(draw(case), f"What the figure shows: {building.SAYS[name][0]} It does not show {building.SAYS[name][1]}", f"{said}.")


def _cuts(case: Case) -> Iterator[Block]:
    """Whether the score needs the correlations of each modality, and when."""
    if not case.can("time") or len(case.modalities) < 2:
        return
    found = cuts(case.model, case.inputs)
    said = cut_answers.answer(found, case.output)
    yield Heading("Are the correlations needed?")
    yield paragraph(f"{said}.")
    yield figure(notebook.cut(case), f"What the figure shows: {SAYS['cut'][0]} It does not show {SAYS['cut'][1]}", f"{said}.")


def _entropies(case: Case) -> Iterator[Block]:
    if case.can("time"):
        yield from _of_states(case)
    elif case.can("rules"):
        yield from _of_fusion(case)


def _of_states(case: Case) -> Iterator[Block]:
    """Entropies and entanglement at T."""
    tracked = numbers.track(case)
    measures = {(each.kind, each.part): float(each.values[-1]) for each in tracked.measures}
    apart = float(np.abs(tracked.rho[-1] - numbers.state(case)).max())
    yield Heading("Entropies and entanglement at the end")
    kinds = [kind for kind in KINDS if any(each == kind and len(part) == 1 for each, part in measures)]
    parts = [(name, (name,)) for name in case.modalities] + [("all together", ())]
    rows = [(name, *(number(measures[kind, part]) if (kind, part) in measures else "" for kind in kinds)) for name, part in parts]
    said = {"negativity": f"Negativity with the rest ({KINDS['negativity'].unit})"}
    yield Table(("Part", *(said.get(kind, KINDS[kind].short_axis.capitalize()) for kind in kinds)), tuple(rows),
                f"States at T = {case.model.duration:g}. The whole starts pure, with entropy 0; what it has at the end is lost to the "
                "jumps.")
    shared = [(" and ".join(part), number(value)) for (kind, part), value in measures.items() if kind == "mutual_information"]
    if shared:
        yield Table(("Pair", KINDS["mutual_information"].axis.capitalize()), tuple(shared),
                    "Correlation of every two modalities at T, classical and quantum.")
    yield paragraph(ENTROPY_IS, f" QuTiP followed the state independently of the training code; the two agree on ρ(T) to {power(apart)} ",
                    "in every entry ", cite("qutip5"), ".")


def _of_fusion(case: Case) -> Iterator[Block]:
    """What the fusion read: masses, rules, beliefs, entropies."""
    found = numbers.reading(case)
    yield Heading("What the fusion read")
    fused = ", ".join(f"{e} {v:.2f}" for e, v in zip(found.elements, found.fused, strict=True))
    yield figure(notebook.masses(case), "The mass that each modality gives each element (sin² θ/2, the chance that its qubit reads 1), "
                 "and the fused one." + ("" if found.elements_are_classes else " Elements are learned here; they have no names."),
                 f"Heat map of masses; fused: {fused}.")
    entropy = ", ".join(f"{e} {v:.2f}" for e, v in zip(found.elements, found.entropy, strict=True))
    yield figure(notebook.entropies(case), "Von Neumann entropy of each fused qubit, at most ln 2: its entanglement with the qubits it was "
                 "fused from, as these are together in a pure state.", f"Entropies in nats: {entropy}.", HALF)
    table = numbers.masses(case)
    rows = tuple((str(row["element"]), *(number(row[f"mass[{name}]"]) for name in case.modalities), number(row["mass"]), str(row["rule"]),
                  number(row["disagreement"]), number(row["entropy"])) for _, row in table.iterrows())
    names = tuple(f"Mass {name}" for name in case.modalities)
    yield Table(("Element", *names, "Fused", "Nearest rule", "Disagreement", "Entropy (nats)"), rows,
                "The fusion, element by element: masses, the named rule nearest to the learned table, and the mass on the modalities "
                "contradicting each other.", (len(names) + 2,))
    if found.conflict is not None:
        yield paragraph(f"The modalities conflict with Dempster's K = {found.conflict:.3f} ", cite("shafer1976"), ". ", ENTROPY_IS)


def _circuit(case: Case) -> Iterator[Block]:
    """The circuit, with the sample in it."""
    if not case.can("circuit"):
        return
    replay, built = numbers.circuit(case)
    yield Heading("The circuit")
    about = f"{len(replay.wires)} qubits, {replay.count} gates"
    if case.can("time"):
        caption = (f"One step of the evolution (dt = {built.dt:g}, {built.dt / case.model.duration:.3g} T) as a quantum circuit, with the "
                   f"sample's own states prepared: {about}. {built.error.sentence}")
    else:
        caption = (f"The whole network with the sample's angles: {about}. Modality qubits are left out after the fusion; a measured qubit "
                   "controls a rotation of its neighbour.")
    yield figure(notebook.diagram(case), caption + " A disc is a qubit at the end: its needle is (⟨X⟩, ⟨Z⟩) with |0⟩ up, its colour ⟨Y⟩; "
                 "a needle that ends inside is a mixed state.", f"Circuit of {about}.", FULL)
    yield paragraph("Drawn from the list of gates that PennyLane runs ", cite("pennylane"), ".")


def _again(case: Case) -> Iterator[Block]:
    """How to get the same numbers."""
    yield Heading("The same again")
    yield paragraph("These commands write this report and print its contributions; the digests in the table above tell whether model and "
                    "data are the same.")
    commands = [[*_command(case, "report"), *(["--tweak", case.tweak] if case.tweak else []), "--out", "report.html"]]
    commands += [] if case.tweak else [[*_command(case, "explain"), "--json"]]
    yield Listing("\n".join(map(shlex.join, commands)), "Commands")


def _command(case: Case, name: str) -> list[str]:
    kind, outputs = case.background.kind, case.explanation.outputs
    words = ["python", "-m", "qfusion", name, "--model", case.name, "--data", case.dataset.name, "--sample", case.sample]
    words += ["--output", outputs[case.output]] if len(outputs) > 1 else []
    if kind == "contrast":
        return [*words, "--contrast", case.background.label]
    return words if kind in ("joint", "cohort") else [*words, "--background", kind]
