"""Snippets of the What-if page."""

from __future__ import annotations

from collections.abc import Callable

from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill

ACTIONS = {"leave it as it is": "as it is", "another sample's": "swap", "leave it out": "drop", "edit the raw input": "edit input",
           "edit its state": "edit state", "nearest state that flips the decision": "nearest flip"}
CHANGED = """
before = interventions.with_changes(work, sample.row, (Change(),) * len(work.modalities))
after = interventions.with_changes(work, sample.row, changes)
old, new = before.terms(work, sample.output), after.terms(work, sample.output)
"""


def changes(view: View) -> str:
    """What is done to each modality, in the model's order."""
    lines, names = [], []
    for place, name in enumerate(view.modalities):
        action = ACTIONS.get(view.get(f"do.{name}"), "as it is")
        lines.append(_change(view, name, action, f"change_{place}"))
        names.append(f"change_{place}")
    return "\n".join([*lines, f"changes = ({', '.join(names)},)"]) + CHANGED


def _change(view: View, name: str, action: str, into: str) -> str:
    if action == "swap":
        donor = view.get(f"with.{name}")
        which = "donor=$donor" if donor else "donor=backgrounds.usual_contrast(work, sample.row)"
        return fill(f"{into} = Change('swap', {which})  # of $name", donor=donor, name=name)
    if action == "edit input" and name == "text":
        sentence = view.get("say")
        words = "$sentence" if sentence else "work.dataset.content(sample.row)[$name].text"
        return fill(f"{into} = Change('edit input', words={words})", sentence=sentence, name=name)
    if action == "edit input":
        start = "voice." if name == "audio" else "face."
        found = tuple((key.removeprefix(start), view.number(key, 0.0)) for key in view.address if key.startswith(start))
        return fill(f"{into} = Change('edit input', controls=$found)  # of $name", found=found, name=name)
    if action == "edit state":
        said = {key.rpartition(".")[2]: view.number(key, 0.0) for key in view.address if key.startswith(f"set.{name}.")}
        moved = {int(place): value for place, value in said.items() if place.isdecimal()}
        return fill(f"""own = interventions.shown_state(interventions.own_states(work, sample.row)[$name])
moved = $moved  # numbers of the state by place; a slider that shows the sample's own value leaves it exactly as it is
{into} = Change('edit state', state=tuple(moved[i] if abs(moved.get(i, value) - round(value, 3)) > 5e-4 else value
                                          for i, value in enumerate(own)))""", name=name, moved=moved)
    if action == "nearest flip":
        return fill(f"""flip = counterfactual.nearest_state(interventions.fixed(work), interventions.own_states(work, sample.row), $name)
{into} = Change('nearest flip' if flip.possible else 'as it is')""", name=name)
    return fill(f"{into} = Change({action!r})  # of $name", name=name)


def waterfall(when: str, which: str) -> Callable[[View], str]:
    """Terms of one of both decisions."""
    return lambda view: changes(view) + fill(f"""
numbers = pd.DataFrame({{"sample": sample.sample, "when": $when, "term": terms, "dividend": list({which}.values()),
                        "background": sample.background.name}})
""", when=when)


def differences(view: View) -> str:
    """Both decisions term by term."""
    return changes(view) + """
numbers = pd.DataFrame({"sample": sample.sample, "term": list(old), "as_it_is": list(old.values()),
                        "changed": list(new.values())})
"""


def probabilities(view: View) -> str:
    """Both decisions as class probabilities."""
    return changes(view) + """
numbers = pd.DataFrame({"sample": sample.sample, "class": sample.classes, "as_it_is": before.probabilities, "changed": after.probabilities})
"""


def state(view: View, name: str) -> str:
    """One modality's state before and with the change."""
    parts = "list(work.elements)"
    if view.can("kets"):
        parts = '["θ", "φ"] if len(shown[0]) == 2 else [f"|{k}⟩" for k in range(len(shown[0]))]'
    return changes(view) + fill(f"""
shown = [interventions.shown_state(found.states[$name]) for found in (before, after)]
numbers = pd.DataFrame({{"sample": sample.sample, "modality": $name, "part": {parts}, "as_it_is": shown[0], "changed": shown[1]}})
""", name=name)


FLIPS = """
everyone = interventions.every_state(work)
rows = []
for name, flip in interventions.what_would_flip(work, sample.row).items():
    found, donor = flip.state, flip.donor
    rows.append({"sample": sample.sample, "modality": name, "possible": found.possible, "distance_rad": found.distance,
                 "optimum": "exact" if found.exact else "best found",
                 "decision_after": answers.verdict(work, found.after) if found.possible else "", "verified": found.verified,
                 "room": found.reach, "nearest_sample": flip.donor_id, "its_distance_rad": donor.distance,
                 "samples_that_flip": donor.turning, "samples_tried": donor.tried})
numbers = pd.DataFrame(rows)
"""
KNOBS = """
search = flips.nearest_knobs(sample.model, forms.states_of(sample.model, sample.inputs))
numbers = pd.DataFrame([{"sample": sample.sample, "kind": knob.kind, "knob": knob.name, "learned": knob.learned, "flips_at": knob.value,
                         "size": knob.size, "decision_after": answers.verdict(work, knob.after), "verified": knob.verified}
                        for knob in search.found])
"""
TEMPLATES = {
    "flips": FLIPS, "knob-flips": KNOBS, "what-if-as-it-is": waterfall("as it is", "old"),
    "what-if-changed": waterfall("with the changes", "new"), "what-if-differences": differences, "what-if-probabilities": probabilities,
}
NAMED: dict[str, Callable[[View, str], str]] = {"what-if-state-": state}
