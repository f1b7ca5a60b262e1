"""What each system is, in words and numbers, for the Overview page. Free of streamlit."""

from __future__ import annotations

from typing import Any

from qfusion.analysis import text
from qfusion.analysis.subject import Workspace
from qfusion.models.fusion import stage_sizes
from qfusion.quantum.circuits import BLOCKS

Part = tuple[
    str, str, str, str, dict[str, str]
]  # name, what it is, page, label of the link, what the link shows


def names_of(work: Workspace) -> str:
    """The modalities in a sentence."""
    known = list(map(text.plain, work.modalities))
    return " and ".join([", ".join(known[:-1]), known[-1]]) if len(known) > 1 else known[0]


def sentence(work: Workspace) -> str:
    """What this model is, in two sentences."""
    title = f"**{text.plain(work.card.get('title') or work.name)}**"
    target = text.plain(work.dataset.target.name)
    model: Any = work.model
    if model.about:
        dims = " × ".join(str(d) for d in getattr(model, "dims", ()))
        return f"{title} {model.about.format(names=names_of(work), target=target, dims=dims)}"
    if work.can("time"):
        dims, jumps = " × ".join(str(d) for d in model.dims), model.jump_count
        return (
            f"{title} turns {names_of(work)} into quantum states ({dims} levels), lets them evolve together under a "
            f"learned Hamiltonian and {jumps} learned jump operator{'s' if jumps != 1 else ''}, and reads the {target} "
            "from the result. Because the read-out is linear, every decision splits exactly into what each modality "
            "says alone and what they say only jointly."
        )
    if not work.can("states"):
        return (
            f"{title} encodes {names_of(work)}, fuses them with a network of kind {text.plain(model.kind)}, and reads "
            f"the {target} from it. Its decisions are split by running it with some modalities of other samples: every "
            "combination, every row of the background."
        )
    what, many = ("class", "classes") if model.elements_are_classes else ("element", "elements")
    fusion = work.card.get("parameters", {}).get("fusion", 0)
    return (
        f"{title} lets {names_of(work)} each say how much speaks for each of {model.elements} {many}, "
        f"fuses what they say with one entangling gate per {what}, and reads the {target} through a quantum "
        f"convolutional network: {fusion:,} parameters after the encoders. Each fusion gate is a truth table one "
        "can read and edit, and every decision splits exactly into what each modality says alone and what they say "
        "only jointly."
    )


def features(work: Workspace) -> str:
    """How many numbers a sample has: a step for sequences, in all for vectors."""
    steps = [f"{text.plain(m.name)} {m.size}" for m in work.dataset.modalities if m.is_sequence]
    whole = [f"{text.plain(m.name)} {m.size}" for m in work.dataset.modalities if not m.is_sequence]
    parts = [f"{', '.join(steps)} numbers a step"] if steps else []
    return "; ".join([*parts, *([f"{', '.join(whole)} numbers"] if whole else [])])


def pipeline(work: Workspace) -> tuple[Part, ...]:
    """The way from features to score; each part with the page that shows it."""
    if work.can("time"):
        return _jump_pipeline(work)
    if not work.can("states"):
        return _evaluated_pipeline(work)
    return _circuit_pipeline(work) if work.can("rules") else _ket_pipeline(work)


def _evaluated_pipeline(work: Workspace) -> tuple[Part, ...]:
    program = getattr(work.model, "program", None)
    encoders = "none: features are what is fused" if program else "one for each modality"
    fusion = (
        f"{text.plain(program.file)}, a program of its own"
        if program
        else f"a {work.model.kind} network"
    )
    return (
        ("Features", features(work), "pages/samples.py", "See a sample", {}),
        ("Encoders", encoders, "pages/what_if.py", "Swap what one says", {}),
        ("Fusion", fusion, "pages/faithfulness.py", "See whether it can be trusted", {}),
        (
            "Classes" if work.classes else "Score",
            "a sum of exact contributions",
            "pages/samples.py",
            "See who decided",
            {},
        ),
    )


def _ket_pipeline(work: Workspace) -> tuple[Part, ...]:
    dims = ", ".join(str(d) for d in work.model.dims)
    return (
        ("Features", features(work), "pages/samples.py", "See a sample", {}),
        (
            "States",
            f"one ket a modality, dimension {dims}",
            "pages/what_if.py",
            "Change a state",
            {},
        ),
        (
            "Read-out",
            "trained observables of the product state",
            "pages/operators.py",
            "See what votes",
            {},
        ),
        ("Score", "a sum of exact contributions", "pages/samples.py", "See who decided", {}),
    )


def _jump_pipeline(work: Workspace) -> tuple[Part, ...]:
    model: Any = work.model
    size = 1
    for d in model.dims:
        size *= d
    kets = f"one ket a modality, dimension {', '.join(str(d) for d in model.dims)}"
    physics = f"H and {model.jump_count} jump operators on {size} levels, T = {model.duration:g}"
    vectors = f"{read_out_words(model)}, linear read-out"
    return (
        ("Features", features(work), "pages/samples.py", "See a sample", {}),
        ("States", kets, "pages/dynamics.py", "See the state", {"show": "State"}),
        ("Evolution", physics, "pages/dynamics.py", "Turn the knobs", {"show": "Decision"}),
        (
            "One step",
            "as a circuit with the learned values",
            "pages/circuit.py",
            "See the circuit",
            {},
        ),
        ("Score", vectors, "pages/samples.py", "See who decided", {}),
    )


def read_out_words(model: Any) -> str:
    """How many vectors measure what."""
    read = model.measurement_vectors()
    count = len(next(iter(read.values())))
    if len(read) > 1:
        return f"{count} measurement vectors on each modality"
    s = next(iter(read))
    what = (
        "the joint state"
        if len(s) == len(model.dims)
        else f"{text.plain(model.modalities[s[0]])} alone"
    )
    return f"{count} measurement vectors on {what}"


def _circuit_pipeline(work: Workspace) -> tuple[Part, ...]:
    model: Any = work.model
    n, M, network = model.elements, len(work.modalities), model.network
    conv, pool = (sum(step.kind == kind for step in network.steps) for kind in ("conv", "pool"))
    tables = f"{n} truth tables of {2 ** stage_sizes(M)[0]} angles" + (
        f" in {M - 1} stages" if len(stage_sizes(M)) > 1 else ""
    )
    return (
        ("Features", features(work), "pages/samples.py", "See a sample", {}),
        (
            "Angles",
            f"{n} angles a modality: its mass for each element",
            "pages/samples.py",
            "See the masses",
            {},
        ),
        (
            "Fusion",
            f"{tables}, one entangling gate per element",
            "pages/circuit.py",
            "Edit the rules",
            {"rules": "Fusion rules"},
        ),
        (
            "Network",
            f"{conv} convolutions (block {network.block}), {pool} poolings on {n} qubits",
            "pages/circuit.py",
            "Walk through it",
            {"rules": "Walk"},
        ),
        (
            "Classes" if work.classes else "Score",
            f"linear read-out of {len(network.kept)} kept and {len(network.measured)} measured "
            "qubits",
            "pages/samples.py",
            "See who decided",
            {},
        ),
    )


def model_rows(work: Workspace) -> dict[str, Any]:
    """The model card."""
    card, model = work.card, work.model
    parameters = card.get("parameters", {})
    rows: dict[str, Any] = {"checkpoint": work.name, "kind": card.get("model", model.kind)}
    if work.can("time"):
        rows |= {
            "state dimensions": " × ".join(str(d) for d in model.dims),
            "jump operators": model.jump_count,
            "measurement vectors": read_out_words(model),
            "duration T": f"{model.duration:g}",
        }
    elif work.can("kets"):
        rows |= {"state dimensions": " × ".join(str(d) for d in model.dims)}
    elif work.can("rules"):
        network = model.network
        rows |= {
            "elements": f"{model.elements}{' (the classes)' if model.elements_are_classes else ' (learned)'}",
            "fusion rule": ("frozen at " if model.settings.get("freeze_rule") else "started at ")
            + str(model.settings.get("rule"))
            + (", one rotation per modality" if model.settings.get("tables") == "separate" else ""),
            "convolution block": f"{network.block} ({BLOCKS[network.block].parameters} parameters)",
            "qubits": model.elements
            * (len(work.modalities) + len(stage_sizes(len(work.modalities)))),
            "operations": f"{model.elements} fusion gates, {len(network.steps)} steps of the network",
        }
    return rows | {
        "parameters": f"{parameters.get('total', 0):,}",
        "of them after the encoders": f"{parameters.get('fusion', 0):,}",
        "weights": str(card.get("weights_sha256", ""))[:12],
    }


def of_seed(work: Workspace) -> str:
    """What follows the name of a test metric of the loaded weights, to tell it from the mean over the training seeds;
    nothing where there is one seed."""
    return ", this seed" if len(work.card.get("seeds", [])) > 1 else ""


def target_words(work: Workspace) -> str:
    """What is predicted."""
    target = work.dataset.target
    if work.classes:
        return f"{target.name}: {len(work.classes)} classes"
    low, high = work.scale
    return f"{target.name} in [{low:g}, {high:g}]"
