"""Snippets of the Circuit page, and of what a network shows on the Dynamics page."""

from __future__ import annotations

from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill
from qfusion.ui.panel.snippets.dynamics import TEMPLATES as DYNAMICS

STEP = """
walk = circuit_walks.step_walk(work, sample.row, float(sample.model.duration) / $steps, $split)
"""
NETWORK = """
theta = {name: angles[0] for name, angles in sample.model.angles(sample.inputs).items()}
walk = circuit_boxes.of_fusion(progress(sample.model, theta), sample.model)
"""


def _split(view: View) -> str:
    return "whole" if view.get("gates") == "all of H in one" else "terms"


def walk(view: View) -> str:
    """The sample's way through the circuit."""
    if view.can("time"):
        return fill(STEP, steps=view.whole("steps", 20), split=_split(view))
    return NETWORK


def _at(view: View) -> str:
    return fill("at = min($gate, walk.count)\n", gate=view.whole("gate", 0)) if view.get("gate") else "at = walk.count\n"


def qubits(view: View) -> str:
    """Bloch vectors and entropies at the scrubber."""
    return walk(view) + _at(view) + """
x, y, z = walk.bloch[at].T
numbers = pd.DataFrame({"qubit": [wire.name for wire in walk.wires], "X": x, "Y": y, "Z": z, "reads_1": (1 - z) / 2,
                        "entropy": walk.entropy[at]})
"""


BEFORE = """
wires, before, after, _ = walk.moments[at - 1]
names = basis_labels((2,) * len(wires))
"""


def outcomes(view: View) -> str:
    """Outcome probabilities before and after a gate."""
    return walk(view) + _at(view) + BEFORE + (
        'numbers = pd.DataFrame({"outcome": names, "before": np.real(np.diag(before)), "after": np.real(np.diag(after))})')


def matrix(view: View) -> str:
    """Density matrices before and after a gate."""
    return walk(view) + _at(view) + BEFORE + """
numbers = pd.DataFrame({"row": np.repeat(names, len(names)), "column": np.tile(names, len(names)), "real": after.real.ravel(),
                        "imaginary": after.imag.ravel(), "before_real": before.real.ravel(), "before_imaginary": before.imag.ravel()})
"""


def gates(view: View) -> str:
    """Entropy of every qubit that goes on, gate by gate."""
    return walk(view) + """
names = [walk.wires[row].name for row in walk.followed]
numbers = pd.DataFrame(walk.entropy[:, list(walk.followed)], columns=names).rename_axis("gates_done").reset_index()
"""


def step_error(view: View) -> str:
    """How the circuit's error falls with the step."""
    return fill("""
kets = {name: ket[0] for name, ket in sample.model.encode(sample.inputs).items()}
steps = sample.model.duration / np.array([2.0, 4.0, 8.0, 16.0, 32.0])
errors = [step_circuit(system, kets, float(dt), split=$split).error for dt in steps]
numbers = pd.DataFrame({"dt": steps, "after_one_step": [error.one for error in errors], "after_all_steps": [error.all for error in errors]})
""", split=_split(view))


LAYERED = """
layered = explain.through_layers(sample.model, sample.inputs, sample.background)
columns = {"moment": list(layered.moments)}
columns |= {f"dividend[{name or 'baseline'}]": layered.dividends[:, 0, i, sample.output] for i, name in enumerate(layered.coalitions)}
columns |= {"entropy": correlated.joint, "mutual_information": [np.max(row, initial=0.0) for row in correlated.mutual]}
columns |= {f"shapley[{name}]": layered.shapley[:, 0, m, sample.output] for m, name in enumerate(layered.modalities)}
numbers = pd.DataFrame(columns)
"""
FUSED = """
fused = sample.model.fuse(sample.model.encode(sample.inputs))[0][0]
correlated = layer_entropies(sample.model, fused)
"""
CUTS = FUSED + """
numbers = pd.DataFrame([{"moment": moment, "first_k": k + 1, $name: value}
                        for moment, row in zip(correlated.moments, correlated.$part, strict=True) for k, value in enumerate(row)])
"""
TABLES = """
shape = [range(size) for size in reading.tables.shape]
numbers = pd.DataFrame([{"element": reading.elements[i], "stage": k, "pattern": reading.patterns[b], "mass": reading.tables[i, k, b],
                         "probability_in_this_sample": reading.weights[i, k, b], "rule": reading.rules[i][0],
                         "distance": reading.rules[i][1]} for i in shape[0] for k in shape[1] for b in shape[2]])
"""
TRAINED = "as_trained = replace(sample, model=sample.checkpoint.fusion, tweak=\"\")\n"
EDITED = TRAINED + """
numbers = pd.DataFrame({"term": terms, "dividend": list(sample.dividends.values()), "as_learned": list(as_trained.dividends.values())})
"""
PROBABILITIES = TRAINED + """
shares = [np.exp(found.scores) / np.exp(found.scores).sum() for found in (sample, as_trained)]
numbers = pd.DataFrame({"class": sample.classes, "probability": shares[0], "as_learned": shares[1]})
"""


def cuts(name: str) -> str:
    """Entropy or mutual information of every cut."""
    return fill(CUTS.replace("$part", name), name=name)


def noisy(body: str) -> object:
    """A template on the circuit with noise."""
    def made(view: View) -> str:
        strengths = tuple(view.number(f"noise.{kind}", 0.0, 0, 1) for kind in ("depolarising", "damping", "readout"))
        return fill("noisy = circuit_evolution.with_noise(work, sample.row, $words, $strengths, $shots)\n" + body, words=view.tweak,
                    strengths=strengths, shots=view.whole("shots", 1000))
    return made


SCORES = """
numbers = pd.DataFrame({"class": sample.classes or sample.model.outputs, "score": noisy.scores, "standard_error": noisy.errors,
                        "exact": sample.scores})
"""
TERMS = """
numbers = pd.DataFrame({"term": terms, "dividend": noisy.dividends[:, sample.output],
                        "standard_error": noisy.dividend_errors[:, sample.output], "exact": list(sample.dividends.values())})
"""
TEMPLATES = {
    "circuit": qubits, "qubits": qubits, "before-after": outcomes, "matrix-after": matrix, "entropy-gates": gates, "step-error": step_error,
    "decision-layers": FUSED + LAYERED, "cuts": cuts("cuts"), "mutual": cuts("mutual"),
    "poolings": FUSED + "numbers = pd.DataFrame([pool._asdict() for pool in correlated.poolings()])",
    "tables": TABLES, "waterfall-edited": EDITED, "probabilities": PROBABILITIES, "noisy-scores": noisy(SCORES),
    "noisy-terms": noisy(TERMS), "tornado": DYNAMICS["tornado"], "way": DYNAMICS["way"],
}
