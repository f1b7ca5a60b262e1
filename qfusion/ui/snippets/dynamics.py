"""Snippets of the Dynamics page, and of the view on what did it, which the Circuit page has too."""

from __future__ import annotations

from qfusion._checks import choose
from qfusion.ui.snippets.assemble import fill
from qfusion.ui.snippets.samples import ENTROPIES
from qfusion.ui.snippets.view import View

TIMED = """
timed = explain.through_time(sample.model, sample.inputs, sample.background, times.tolist())
{above}
columns = {"t": times}
columns |= {f"dividend[{name or 'baseline'}]": timed.dividends[:, 0, i, sample.output] for i, name in enumerate(timed.coalitions)}
columns |= {f"shapley[{name}]": timed.shapley[:, 0, m, sample.output] for m, name in enumerate(timed.modalities)}
numbers = pd.DataFrame(columns | series)
"""
ENTANGLEMENT = """
series = {f"entanglement[{name}]": entangled.measures[f"negativity[{name}]"] for name in sample.modalities}
"""


def over_time(view: View) -> str:
    """The decision if it were read out at t, and entropies or entanglement."""
    return TIMED.replace("{above}", (ENTANGLEMENT if view.get("above") == "entanglement" else ENTROPIES).strip())


WATERFALL = 'numbers = pd.DataFrame({"term": terms, "dividend": list(sample.dividends.values())})'
MEASURE = """
series = {name if "[" in name else f"{name}[all]": values for name, values in entangled.measures.items() if name.partition("[")[0] == $kind}
"""
TOTAL = 'series["mutual_information[all]"] = entangled.measures["total_correlation"]\n'


def measure(kind: str) -> str:
    """One kind of measure over time."""
    total = TOTAL if kind == "mutual_information" else ""
    return fill(MEASURE, kind=kind) + total + 'numbers = pd.DataFrame({"t": entangled.times} | series)'


SAMPLED = "sampled = track.track(system, psi, times, negativity=False, trajectories=$runs, seed=0, rtol=1e-6)\n"
TRAJECTORIES = SAMPLED + """
numbers = pd.concat([pd.DataFrame({"run": i + 1, "t": run.times, $key: run.measures[$key]})
                     for i, run in enumerate(sampled.trajectories)])
"""
ENSEMBLE = SAMPLED + """
likeliest = np.sort(np.argsort(sampled.populations.max(0))[::-1][:4])
columns, names = {"t": sampled.times}, basis_labels(sample.model.dims)
for i in likeliest:
    columns |= {f"master[{names[i]}]": sampled.populations[:, i], f"mean[{names[i]}]": sampled.ensemble.populations[:, i],
                f"standard_error[{names[i]}]": sampled.ensemble.populations_error[:, i]}
numbers = pd.DataFrame(columns)
"""


def runs(body: str) -> str | object:
    """A template that samples trajectories."""
    return lambda view: fill(body, runs=view.whole("runs", 20), key=f"entropy[{view.get('quantity', view.modalities[0])}]")


def state(view: View) -> str:
    """rho at the cursor, of all modalities or of one."""
    whose, share = view.get("of", "all together"), view.number("t", 1.0, 0, 1)
    lines = ["rho, dims = tracked.rho[round($share * (len(times) - 1))], sample.model.dims"]
    if whose != "all together":
        lines += ["place = sample.modalities.index($whose)",
                  "rho, dims = partial_trace(torch.as_tensor(rho), dims, (place,)).numpy(), (dims[place],)"]
    return fill("\n".join(lines) + "\n", share=share, whose=whose)


def populations(view: View) -> str:
    """The diagonal of rho."""
    return state(view) + 'numbers = pd.DataFrame({"state": basis_labels(dims), "probability": np.real(np.diag(rho))})'


def matrix(view: View) -> str:
    """All elements of rho."""
    return state(view) + """
names, (rows, columns) = np.array(basis_labels(dims)), np.indices(rho.shape)
numbers = pd.DataFrame({"row": names[rows.ravel()], "column": names[columns.ravel()], "real": rho.real.ravel(),
                        "imaginary": rho.imag.ravel()})
"""


SETTLING = """
later = np.linspace(0, max(5 * sample.model.duration, 1e-6), 61)
rho = lindblad.evolve_states(system.H, system.jumps, states.density(psi.to(system.H.dtype)), later.tolist())
settled = track.attractor(system, rho)
"""
STEADY = SETTLING + """
numbers = pd.DataFrame({"state": basis_labels(sample.model.dims), "steady": np.real(np.diag(settled.steady)),
                        "sample_at_T": np.real(np.diag(tracked.rho[-1]))})
"""
COHORTS = ("this sample", "all test samples", "test samples of its class", "test samples of its regime", "test samples of its relation")


def _rows(view: View, key: str) -> str:
    """Inputs of the samples that are averaged over, which the address names under a key."""
    cohort = choose("Samples", view.get(key, COHORTS[0]), COHORTS)
    line = "rows = [sample.row]"
    if cohort == COHORTS[1]:
        line = 'rows = sample.dataset.rows("test")'
    elif cohort != COHORTS[0]:
        line = "rows = physics.rows_of(work, sample.row, $cohort, lambda: work.frame(sample.output))"
    return fill(f"{line}\ninputs = sample.dataset.inputs(rows, dtype=torch.float64)\n", cohort=cohort)


def _samples(view: View) -> str:
    """Inputs of the samples that are averaged over, and the target."""
    effect = view.get("effect", "score")
    target = "target = sensitivity.SCORE\n" if effect == "score" else "target = physics.targets(work)[$effect]\n"
    return _rows(view, "over") + fill(target, effect=effect)


MEASURED = "measured = sensitivity.sensitivity(sample.model, inputs, sample.background, output=sample.output, targets=[target])\n"
HALF = "half = sensitivity.half_way(sample.model, inputs, sample.background, target, output=sample.output)\n"


def tornado(view: View) -> str:
    """Slope and removal of every term."""
    half = view.get("half") == "true"
    return _samples(view) + MEASURED + (HALF if half else "") + f"""
numbers = measured.frame(target).assign({'slope_half_way_says=half, ' if half else ''}samples=int(measured.samples[0]),
                                        background=measured.background, background_size=measured.background_size)
"""


def way(view: View) -> str:
    """One term from removed to where it stands."""
    term = view.get("term")
    first = fill("term = next(knob for knob in measured.knobs if knob.title == $term)", term=term) if term else (
        "reach = physics.full_range(work, target, sample.output)\n"
        "term = measured.knobs[physics.worth_following(measured, reach)[0]]")
    return _samples(view) + MEASURED + first + """
way = sensitivity.response(sample.model, inputs, sample.background, term.key, target, output=sample.output, nodes=5)
numbers = pd.DataFrame({"factor": way.factors, "value": way.values, "slope": way.slopes})
"""


def cut_terms(view: View) -> str:
    """Sizes of the terms after a cut of one modality, the one asked for or the one that matters most."""
    asked = view.get("cut")
    which = "$modality" if asked else "most_moved(found, sample.output)"
    return fill(f"""
found = cuts(sample.model, sample.inputs, background=sample.background)
numbers = sizes_table(found, {which}, sample.output)
""", modality=asked)


def _built(view: View, numbers: str) -> str:
    return f"{_rows(view, 'builtof')}found = built(sample.model, inputs, sample.background, sample.output)\nnumbers = {numbers}\n"


def built_over_time(view: View) -> str:
    """One contribution by what built it: the one asked for, or the joint one that the dynamics changed most."""
    asked = view.get("built")
    which = fill("$dividend", dividend="" if asked == "baseline" else asked) if asked else "found.most_built()"
    return _built(view, f"found.through({which})")


TEMPLATES = {
    "decision-over-time": over_time, "waterfall-now": WATERFALL, "mutual-information": lambda _: measure("mutual_information"),
    "negativity": lambda _: measure("negativity"), "purity": lambda _: measure("purity"), "trajectories": runs(TRAJECTORIES),
    "ensemble": runs(ENSEMBLE), "populations": populations, "matrix-modulus": matrix, "matrix-phase": matrix,
    "distance": SETTLING + 'numbers = pd.DataFrame({"t": later, "trace_distance": settled.distance})', "steady": STEADY,
    "tornado": tornado, "way": way,
    "cut": "numbers = cuts(sample.model, sample.inputs, kinds=KINDS).frame(0, sample.output)", "cut-terms": cut_terms,
    "built": lambda view: _built(view, "built_table(found)"), "built-flow": lambda view: _built(view, "flow_table(found)"),
    "built-over-time": built_over_time,
}
