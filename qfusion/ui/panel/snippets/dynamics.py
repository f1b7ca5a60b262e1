"""Snippets of the Dynamics page, and of the view on what did it, which the Circuit page has too."""

from __future__ import annotations

from qfusion._checks import choose
from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill

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
    "tornado": tornado, "way": way,
    "cut": "numbers = cuts(sample.model, sample.inputs, kinds=KINDS).frame(0, sample.output)", "cut-terms": cut_terms,
    "built": lambda view: _built(view, "built_table(found)"), "built-flow": lambda view: _built(view, "flow_table(found)"),
    "built-over-time": built_over_time,
}
