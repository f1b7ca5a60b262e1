"""The operators of a generator: couplings, levels of H, terms in a basis, and decay modes."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import listed, top
from qfusion.data.coalition_terms import split_term
from qfusion.plugins.generator import operator_figures, operator_parts
from qfusion.quantum import decomposition
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.views.pages.choices import TIMED
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.names import UNRAVELLING

COHERENT = "H: coherent"
JUMPS = "dissipation"
MAX_LETTERS = 20
_UNITS = {COHERENT: "(root mean square energy)", JUMPS: "(jumps per time)"}


OPERATOR = SelectParam(
    "letters",
    "Operator",
    "H is shown.",
    "Operator that is expanded below. L1, L2, ... are those of one unravelling, as under "
    "Trajectories.",
    lambda study: operator_parts.operator_names(study.model),
    look="segments",
    fits=TIMED,
)


def couplings(sample: Sample) -> View:
    """Who is coupled with whom, and how strongly, by H and by dissipation.

    Args:
        sample: of a model with time, under its tweak.
    """
    system = sample.model.system()
    energies, rates = decomposition.coalition_strengths(system)
    parts = {COHERENT: energies} | ({JUMPS: rates} if len(system.jumps) else {})
    joint = {term: value for term, value in energies.items() if "+" in term}
    strongest = max(joint, key=lambda term: joint[term], default="")
    title = "H has no couplings"
    if strongest and joint[strongest] > 1e-9 * max(energies.values()):
        names = text.escape_markdown(listed(split_term(strongest)))
        title = f"H couples {names} most ({joint[strongest]:.2f})"
    numbers = [
        f"{name}: " + ", ".join(f"{term} {value:.3g}" for term, value in part.items())
        for name, part in parts.items()
    ]
    return View(
        operator_figures.coupling_matrix(parts, system.names, _UNITS),
        title,
        caption="the parts of H and of the traceless jump operators that act on exactly these modalities, "
        "the same in every gauge. Discs act on one modality, lines on two, stars on more. H: root "
        "mean square energy, √(Tr H_S² / D); dissipation: jumps per time in the maximally mixed "
        "state, Σ Tr L_A†L_A / D. Parts are orthogonal, so squared energies and rates are additive."
        f"{model_caption(sample)}",
        limits="A strong coupling need not change a decision: see Sensitivity.",
        table=pd.DataFrame(
            {
                "modalities": list(energies),
                "energy_of_H": list(energies.values()),
                "rate_of_dissipation": [rates.get(term, 0.0) for term in energies],
            }
        ),
        alternative=f"{'; '.join(numbers)}.",
    )


def levels(sample: Sample) -> View:
    """Energy levels of H, without and with its couplings.

    Args:
        sample: of a model with time, under its tweak.
    """
    free, coupled = operator_parts.levels(sample.model.system())
    return View(
        operator_figures.energy_levels(free, coupled),
        describe_spectrum_width(free, coupled),
        caption=f"the {len(free)} eigenvalues of H: left without couplings, right with all terms; levels are "
        f"joined in order.{model_caption(sample)}",
        limits="The eigenstates of the levels are not drawn.",
        table=pd.DataFrame(
            {
                "level": np.arange(1, len(free) + 1),
                "energy_alone": free,
                "energy_with_couplings": coupled,
            }
        ),
        alternative=f"Levels by themselves from {free[0]:.3f} to {free[-1]:.3f}, with couplings from "
        f"{coupled[0]:.3f} to {coupled[-1]:.3f}.",
    )


def operator_coefficients(
    sample: Sample, *, operator: Annotated[str, OPERATOR] = operator_parts.HAMILTONIAN
) -> View:
    """The largest terms of an operator in a product of Pauli words, or of Gell-Mann matrices.

    Args:
        sample: of a model with time, under its tweak.
        operator: "H", "L1", "L2", ... or "read-out".
    """
    known = operator_parts.operator_names(sample.model)
    system = sample.model.system()
    terms, share = operator_parts.largest(
        operator_parts.operator(sample, system, choose("Operator", operator, known)),
        system,
        MAX_LETTERS,
    )
    check(
        bool(terms),
        f"Operator {operator} is a multiple of the identity: there is nothing to take apart.",
    )
    names = [letter.words for letter in terms]
    values = np.array([letter.value for letter in terms])
    basis = (
        "Pauli words and generalised Gell-Mann matrices (S and A couple two levels, D are diagonal)"
    )
    if all(d & (d - 1) == 0 for d in system.dims):
        basis = "Pauli words, a letter for each qubit of a modality"
    unravelling = f" {UNRAVELLING}" if operator.startswith("L") else ""
    numbers = [f"{name} {_number(value)}" for name, value in zip(names[:8], values, strict=False)]
    return View(
        operator_figures.operator_coefficients(
            names, [letter.term for letter in terms], values, system.names
        ),
        describe_largest_coefficients(operator, names, values),
        caption=f"coefficients Tr[P†A] / D of the {known[operator]} in products of {basis}; modalities that are not "
        f"named have the identity. The {len(terms)} largest hold {share:.0%} of the sum of all squares."
        f"{model_caption(sample)}{unravelling}",
        limits="The identity and smaller terms are left out: see the table of strengths by coalition.",
        table=pd.DataFrame(
            {
                "operator": operator,
                "modalities": [letter.term for letter in terms],
                "letters": [" ".join(letter.letters) for letter in terms],
                "real": values.real,
                "imaginary": values.imag,
            }
        ),
        alternative=f"{', '.join(numbers)}.",
        name="letters",
    )


def decay_modes(sample: Sample) -> View:
    """The eigenvalues of the generator in the complex plane.

    Args:
        sample: of a model with time whose joint state has at most `inside.MAX_MODES` levels.
    """
    values = operator_parts.modes(sample.model.system())
    away = -values.real
    least = 1e-9 * max(float(np.abs(values).max()), 1e-300)
    gap = float(away[away > least].min()) if bool((away > least).any()) else 0.0
    still = int((away <= least).sum())
    stay = "does not decay and remains" if still == 1 else "do not decay and remain"
    return View(
        operator_figures.decay_modes(values, gap),
        f"The slowest decay is {gap:.2g} per time" if gap else "Nothing decays",
        caption=f"all {len(values):,} eigenvalues of the generator of the master equation: real parts are rates at "
        f"which modes decay, imaginary parts frequencies. {still} {stay} in the end.{model_caption(sample)}",
        limits="A mode may have no share in this sample's state.",
        table=pd.DataFrame({"rate": away, "frequency": values.imag}),
        alternative=f"{len(values):,} eigenvalues, rates from {away.min():.3g} to {away.max():.3g}; gap {gap:.3g}.",
        name="modes",
    )


def describe_spectrum_width(free: np.ndarray, coupled: np.ndarray) -> str:
    """Describe the effect of couplings on the levels of H, without them (D,) and with them (D,), both ascending."""
    before, after = (float(values[-1] - values[0]) for values in (free, coupled))
    if np.allclose(free, coupled):
        return "Couplings do not change the levels"
    if f"{before:.2f}" == f"{after:.2f}":
        return (
            f"Couplings shift levels by up to {np.abs(coupled - free).max():.2g}; their span remains "
            f"{after:.2f}"
        )
    return f"Couplings change the span of the levels from {before:.2f} to {after:.2f}"


def describe_largest_coefficients(operator: str, names: Sequence[str], values: np.ndarray) -> str:
    """Describe which terms of an operator are the largest, by their names and coefficients (n,)."""
    sizes = dict(zip(names, np.abs(values).tolist(), strict=True))
    first = top(sizes)
    if round(sizes[first[0]], 2) == 0:
        return f"{operator}: all terms are below 0.01"
    number = dict(zip(names, map(_number, values), strict=True))
    if len(first) <= rules.MAX_NAMED:
        words = listed([f"{text.escape_markdown(name)} ({number[name]})" for name in first])
    else:
        words = f"{len(first)} terms, of size {sizes[first[0]]:.2f}"
    return rules.choose_template(
        first,
        sizes,
        one=f"{operator}: {text.escape_markdown(first[0])} is the largest of its terms ({number[first[0]]})",
        some=f"{operator}: the largest of its terms, equal in size: {words}",
    )


def _number(value: complex) -> str:
    return f"{value.real:+.2f}" if abs(value.imag) <= 1e-9 * abs(value) else f"{abs(value):.2f}"


def model_caption(sample: Sample) -> str:
    """Return the end of a caption on the generator: the same for every sample, and the sliders that are moved."""
    sentence = " The same for every sample."
    if sample.tweak_text:
        sentence += f" Sliders: {text.escape_markdown(sample.tweak_text)}."
    return sentence
