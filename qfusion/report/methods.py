"""How the numbers of a report were worked out, with this model's own settings, and what they were made with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

from qfusion._sentences import listed
from qfusion.analysis.sample import Sample
from qfusion.explain.contributions import answers
from qfusion.explain.network.evidence import INERT
from qfusion.models import Ability
from qfusion.report.blocks import Block, Equation, Facts, Heading, Table, cite, paragraph
from qfusion.report.drawn import number
from qfusion.training import metrics
from qfusion.training.checkpoint import training_split

PACKAGES = ("torch", "numpy", "qutip", "pennylane", "typst", "matplotlib")
READING = "Only the paper's abstract is public to us: what follows is our reading of it."


def facts(sample: Sample) -> Facts:
    """Returns what a report is about: model, data, sample, decision, digests and versions."""
    card, data = sample.work.card, sample.dataset
    rows = [
        ("Model", f"{sample.name}: {card.get('title', '')} ({card['model']})"),
        ("Data", f"{data.name}: {data.title}"),
        ("Sample", f"{sample.id}, of the {data.split[sample.row]} split"),
        ("Decision", answers.verdict(sample.scores, sample.classes)),
        ("Explained", f"{sample.unit}: {number(sample.score)}"),
        ("Annotation", str(sample.truth) if sample.classes else number(float(sample.truth))),
        ("Compared with", answers.behind(sample.background)),
        ("Changed in the model", sample.changed or "nothing, it is as trained"),
        *common(sample.work.card),
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
            number(found["mean"]),
            number(found["std"]),
            number(own.get(name)),
        )
        for name, found in measured.items()
        if isinstance(found, dict) and "mean" in found
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


def section(sample: Sample) -> Iterator[Block]:
    """The methods, with equations and sources."""
    yield Heading("Methods")
    yield from next((made(sample) for ability, made in _OF.items() if sample.can(ability)), ())
    yield from contributions(sample)
    if (table := performance(sample.work.card)) is not None:
        yield Heading("How good the model is", 2)
        yield table
    if sample.work.card.get("notes"):
        yield paragraph(f"On how it was trained, its card says: {sample.work.card['notes']}")
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
    model, settings = sample.model, sample.work.card["settings"]
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
    model, settings = sample.model, sample.work.card["settings"]
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
    split = training_split(sample.work.card).replace("+", " and ")
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
        f"averaged over {answers.behind(behind)}"
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
