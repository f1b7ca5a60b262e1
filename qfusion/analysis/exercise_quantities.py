"""What the goal of an exercise can ask of a sample and its model: a closed list of numbers and words.

A quantity is measured of a `Situation`: the sample under the reader's changes, and what the page shows of it. It is the
same number that panels show, never another estimate of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose
from qfusion.analysis import circuit_changes, sample_circuits, sample_evolution, steady_states
from qfusion.analysis.background_choice import OFFERED
from qfusion.analysis.cohort_table import wrong_sign
from qfusion.analysis.sample import Sample
from qfusion.errors import InvalidInput, QFusionError
from qfusion.explain.relations import RELATIONS
from qfusion.explain.verdicts import NOBODY
from qfusion.models import abilities, table_edits
from qfusion.models.tweak import COUPLING, DISSIPATION, DURATION, Tweak, learned_values
from qfusion.quantum import measure_kinds
from qfusion.training import metrics

KEPT, CHANGED = "kept", "changed"
YES, NO = "yes", "no"
PREDICTED = "predicted"  # the word for the output of the class that is decided for
TABLES, NETWORK = "tables", "network"  # groups of knobs beside H, D and T
SAME_ANGLE = 1e-9  # rad: angles that differ less are the same
CHANNELS = ("depolarising", "damping", "readout")  # of noise
MAX_RUNS = 1000  # trajectories


def _no_option(key: str) -> str:
    raise InvalidInput(f"Choice {key[:40]!r} is known on pages alone. Check the link of a page.")


@dataclass(frozen=True, eq=False)
class Situation:
    """One sample under the reader's changes, and what the page shows of it.

    Attributes:
        sample: with the tweak, the explained output and the background.
        output: the explained output as text of `outputs.parse`; empty for the class that is decided for.
        background: kind of the background.
        cursor: place of the time cursor as a share of T, from 0 to 1.
        runs: number of trajectories that are sampled.
        noise: strengths of depolarising, damping and readout, each from 0 to 1.
        shots: how often a noisy circuit is run.
        option: returns the value of another choice of the page, by its key in the address.
    """

    sample: Sample
    output: str = ""
    background: str = "product"
    cursor: float = 1.0
    runs: int = 20
    noise: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shots: int = 1000
    option: Callable[[str], str] = _no_option


Measure = Callable[[Situation, str, float], float | str]
Options = Callable[[Situation], Sequence[str]]


@dataclass(frozen=True)
class Quantity:
    """A number or a word of a situation.

    Attributes:
        measure: from a situation, a part and a place in time (a share of T) to the value.
        parts: what the quantity can be of, such as modalities; None where it is of the whole decision.
        whole: whether the part may be left out: then it is that of all together.
        options: the words that it can be; None of a number, and of words that are not listed.
        is_number: whether it is a number.
        timed: whether it has a value at every time.
        unit: of a number.
        needs: abilities of the model, of which it has to have one.
        is_cheap: whether it is known as soon as the sample is explained.
    """

    measure: Measure
    parts: Options | None = None
    whole: bool = False
    options: Options | None = None
    is_number: bool = True
    timed: bool = False
    unit: str = ""
    needs: tuple[abilities.Ability, ...] = ()
    is_cheap: bool = True

    def fits(self, here: Situation) -> bool:
        """Return whether a situation has this quantity, without computing what takes long."""
        model = here.sample.study.model
        if self.needs and not any(abilities.can(model, ability) for ability in self.needs):
            return False
        try:
            for names in (self.parts, self.options):
                if names is not None:
                    names(here)
            if self.is_cheap and self.parts is None:
                self.measure(here, "", 1.0)
        except QFusionError:
            return False
        return True


_TIME: tuple[abilities.Ability, ...] = ("time",)
_KNOBS: tuple[abilities.Ability, ...] = ("time", "rules")
_NOISE: tuple[abilities.Ability, ...] = ("rules", "changes")


def _decision(sample: Sample) -> int:
    """Return the number of the class that the model decides for, or whether a score is positive."""
    if sample.classes:
        return int(np.argmax(sample.scores))
    return int(sample.score > 0)


def _decision_word(here: Situation, part: str, time: float) -> str:
    same = _decision(here.sample) == _decision(here.sample.untweaked)
    return KEPT if same else CHANGED


def _class(here: Situation, part: str, time: float) -> str:
    return _classes(here)[_decision(here.sample)]


def _require_classes(here: Situation) -> None:
    check(
        bool(here.sample.classes),
        f"Model '{here.sample.name}' predicts a number, not classes. Ask for the sign of its score instead.",
    )


def _classes(here: Situation) -> Sequence[str]:
    _require_classes(here)
    return here.sample.classes


def _explained(here: Situation, part: str, time: float) -> str:
    """Return the class whose score is explained: the first one of `A:B`."""
    return _classes(here)[here.sample.output]


def _sign(here: Situation, part: str, time: float) -> str:
    return "positive" if here.sample.score > 0 else "negative"


def _correct(here: Situation, part: str, time: float) -> str:
    sample = here.sample
    check(
        sample.has_truth,
        f"The truth of sample '{sample.id}' is not known. Choose a sample of the data set.",
    )
    if sample.classes:
        return YES if _decision(sample) == sample.true_class else NO
    target = float(sample.target or 0.0)
    check(target != 0, f"The annotation of sample '{sample.id}' is 0, which has no sign.")
    is_wrong = wrong_sign(np.array([sample.score]), np.array([target]))
    return NO if is_wrong[0] else YES


def _error(here: Situation, part: str, time: float) -> float:
    target = here.sample.target
    if target is None:
        raise InvalidInput(
            f"Sample '{here.sample.id}' has no annotated number. Ask whether the class is correct instead."
        )
    return abs(here.sample.score - target)


def _joint_share(here: Situation, part: str, time: float) -> float:
    return here.sample.verdict.joint_share


def _probability(here: Situation, part: str, time: float) -> float:
    _require_classes(here)
    return float(here.sample.probabilities[here.sample.classes.index(part)])


def _terms(here: Situation) -> Sequence[str]:
    return [term for term in here.sample.study.coalitions if term]


def _modalities(here: Situation) -> Sequence[str]:
    return here.sample.modalities


def _knobs(here: Situation) -> Sequence[str]:
    require_time(here)
    return list(learned_values(here.sample.study.model))


def _knob(here: Situation, part: str, time: float) -> float:
    return (learned_values(here.sample.study.model) | _tweak(here).numbers())[part]


def _largest_factor(here: Situation, part: str, time: float) -> float:
    """Return the largest factor, in size, on a coupling or a dissipation; 1 where none is changed."""
    require_time(here)
    factors = [
        abs(value)
        for key, value in (learned_values(here.sample.study.model) | _tweak(here).numbers()).items()
        if key != DURATION
    ]
    return max(factors)


def _tweak(here: Situation) -> Tweak:
    tweak: Tweak = here.sample.tweak
    return tweak


def require_time(here: Situation) -> None:
    """Raise InvalidInput unless the model evolves in time."""
    _require(here, "time", "that could be followed")


def _require(here: Situation, ability: abilities.Ability, purpose: str) -> None:
    model = here.sample.study.model
    if not abilities.can(model, ability):
        raise abilities.missing_ability(model, ability, purpose, "The model")


def changed_knobs(here: Situation) -> list[str]:
    """Return the knobs that the reader has changed.

    Of a model with an evolution: the keys of its tweak, such as `H.text-audio`. Of one with truth tables: its entries,
    such as `2.011`, and angles of its network, such as `pooling.0.2`.
    """
    study = here.sample.study
    if abilities.can(study.model, "time"):
        return list(_tweak(here).numbers())
    if abilities.can(study.model, "rules"):
        return [*changed_entries(here), *_changed_angles(here)]
    return []


def changed_entries(here: Situation) -> list[str]:
    """Return the entries of the truth tables that the reader has changed, as edits name them."""
    _require(here, "rules", "that could be edited")
    learned, now = (
        model.phi.detach().double() for model in (here.sample.study.model, here.sample.model)
    )
    shape = table_edits.table_shape(here.sample.study.model)
    patterns = table_edits.edited_patterns(shape)
    names = []
    for element, stage, pattern in torch.nonzero((now - learned).abs() > SAME_ANGLE).tolist():
        steps = [element, stage] if shape.stages > 1 else [element]
        names.append(".".join(map(str, [*steps, patterns[pattern]])))
    return names


def _changed_angles(here: Situation) -> list[str]:
    """Return the angles of the network that the reader has changed."""
    names = []
    networks = [model.network for model in (here.sample.study.model, here.sample.model)]
    for kind in table_edits.NETWORK:
        learned, now = (getattr(network, kind, None) for network in networks)
        if learned is None or now is None:
            continue
        moved = (now.detach() - learned.detach()).abs() > SAME_ANGLE
        names += [f"{kind}.{layer}.{angle}" for layer, angle in torch.nonzero(moved).tolist()]
    return names


def knob_group(knob: str) -> str:
    """Return the group of a knob: H of couplings, D of dissipation, T, tables, or the network's angles."""
    if knob.startswith(COUPLING):
        return "H"
    if knob.startswith(DISSIPATION):
        return "D"
    if knob == DURATION:
        return DURATION
    return NETWORK if knob.partition(".")[0] in table_edits.NETWORK else TABLES


def split_knobs(text: str) -> tuple[str, ...]:
    """Return the knobs and groups of a list with commas, in which `+` stands before a comma of a name."""
    parts = re.findall(r"(?:\+.?|[^,+])+", text, re.DOTALL)
    return tuple(part.strip() for part in parts if part.strip())


def _measured(kind: str) -> Measure:
    """Return the measure of a state, at a time, of modalities joined as in the names of columns."""

    def measure(here: Situation, part: str, time: float) -> float:
        values = _state_measures(here, kind, time)
        return values[choose(f"Part of {kind}", part, values)]

    return measure


def _measured_parts(kind: str) -> Options:
    """Return the parts of a measure, of any model with an evolution, without computing it."""

    def parts(here: Situation) -> Sequence[str]:
        require_time(here)
        model = here.sample.study.model
        mixed = torch.eye(math.prod(model.dims), dtype=torch.complex128)[None]
        return list(_named(kind, mixed / mixed.shape[-1], here))

    return parts


def _state_measures(here: Situation, kind: str, time: float) -> dict[str, float]:
    require_time(here)
    sample = here.sample
    T = float(sample.model.duration)
    rho = sample_evolution.exact_states(sample.study, sample.row, _tweak(here), (time * T,))
    return _named(kind, rho[-1:], here)


def _named(kind: str, rho: torch.Tensor, here: Situation) -> dict[str, float]:
    spec = measure_kinds.KINDS[kind]
    states = measure_kinds.States(rho, here.sample.study.model.dims)
    names = here.sample.modalities
    return {
        spec.between.join(names[m] for m in part): float(value[0])
        for part, value in spec.compute(states)
    }


def _cursor_time(here: Situation, part: str, time: float) -> float:
    require_time(here)
    return here.cursor * float(here.sample.model.duration)


def overtaking_time(sample: Sample) -> float | None:
    """Return the first time at which the joint terms together are as large as the own terms; None if never.

    Sizes are taken at the 41 times that figures show, with a straight line in between.
    """
    dividends = sample.path_dividends
    own = sum(values for term, values in dividends.items() if term and "+" not in term)
    joint = sum((values for term, values in dividends.items() if "+" in term), np.zeros(1))
    lead = np.abs(joint) - np.abs(own)
    times = np.asarray(sample.places, dtype=float)
    above = np.flatnonzero(lead[1:] >= 0) + 1
    if not len(above):
        return None
    after = int(above[0])
    before = after - 1
    if lead[before] >= 0:  # both are none at the beginning
        return float(times[after])
    share = lead[before] / (lead[before] - lead[after])
    return float(times[before] + share * (times[after] - times[before]))


def _overtaking_distance(here: Situation, part: str, time: float) -> float:
    require_time(here)
    when = overtaking_time(here.sample)
    if when is None:
        raise InvalidInput(
            "The joint terms never become as large as the own terms here. Choose another sample or other sliders."
        )
    return abs(_cursor_time(here, part, time) - when)


def _trajectory_error(here: Situation, part: str, time: float) -> float:
    """Return the largest distance, at any time, between mean populations of trajectories and the master equation's.

    It is the total variation distance, from 0 to 1.
    """
    require_time(here)
    check(
        1 <= here.runs <= MAX_RUNS,
        f"At least 1 and at most {MAX_RUNS} trajectories are sampled, but {here.runs} are asked for.",
    )
    track = here.sample.track(runs=here.runs)
    exact = np.einsum("tii->ti", track.rho).real
    return float(np.abs(track.ensemble.populations - exact).sum(1).max() / 2)


def _settled(here: Situation) -> Any:
    require_time(here)
    sample = here.sample
    return steady_states.attract(sample.study, sample.row, _tweak(here))


def _steady_distance(here: Situation, part: str, time: float) -> float:
    """Return the trace distance of the state at T to the steady state."""
    settled = _settled(here)
    if settled.attractor.distance is None:
        raise InvalidInput("There is no unique steady state here. Raise a dissipation.")
    return float(settled.attractor.distance[steady_states.STEPS])


def _gap(here: Situation, part: str, time: float) -> float:
    return float(_settled(here).attractor.gap)


def _noisy(here: Situation) -> sample_circuits.Noisy:
    if not abilities.can(here.sample.study.model, "changes"):
        _require(here, "rules", "whose circuit could be noisy")
    return circuit_changes.run_with_noise(here.sample, here.noise, here.shots)


def _noisy_class(here: Situation, part: str, time: float) -> str:
    _require_classes(here)
    return here.sample.classes[int(np.argmax(_noisy(here).scores))]


def _noisy_decision(here: Situation, part: str, time: float) -> str:
    return KEPT if _noisy_class(here, part, time) == _class(here, part, time) else CHANGED


def _noisy_score(here: Situation, part: str, time: float) -> float:
    return float(_noisy(here).scores[here.sample.output])


def _noisy_lead(here: Situation, part: str, time: float) -> float:
    """Return by how many standard errors of their difference the first class is ahead of the next one."""
    _require_classes(here)
    result, study = _noisy(here), here.sample.study
    second, first = np.sort(result.scores)[-2:]
    error = float(study.logits(np.asarray(result.lead_error)))
    gap = float(study.logits(first - second))
    return gap / error if error > 0 else math.inf


def _metric(here: Situation, part: str, time: float) -> float:
    return float(here.sample.metrics[part])


def _metric_names(here: Situation) -> Sequence[str]:
    return metrics.headlines(here.sample.untweaked.metrics)


def _word(measure: Measure, options: Options | None = None, **more: Any) -> Quantity:
    return Quantity(measure, options=options, is_number=False, **more)


def _states(kind: str) -> Quantity:
    spec = measure_kinds.KINDS[kind]
    return Quantity(
        _measured(kind), _measured_parts(kind), whole=True, timed=True, unit=spec.unit, needs=_TIME
    )


QUANTITIES: Mapping[str, Quantity] = {
    # the decision
    "decision": _word(_decision_word, lambda here: (KEPT, CHANGED)),
    "class": _word(_class, _classes),
    "sign": _word(_sign, lambda here: ("positive", "negative")),
    "correct": _word(_correct, lambda here: (YES, NO)),
    "score": Quantity(lambda here, part, time: here.sample.score),
    "error": Quantity(_error),
    "probability": Quantity(_probability, _classes),
    "metric": Quantity(_metric, _metric_names),
    # its terms
    "leader": _word(
        lambda here, part, time: here.sample.verdict.leader or NOBODY,
        lambda here: (*here.sample.modalities, NOBODY),
    ),
    "verdict": _word(
        lambda here, part, time: str(here.sample.verdict.relation), lambda here: RELATIONS
    ),
    "term": Quantity(lambda here, part, time: here.sample.dividends[part], _terms),
    "share": Quantity(lambda here, part, time: here.sample.shares[part], _modalities),
    "shapley": Quantity(lambda here, part, time: here.sample.shapley[part], _modalities),
    "own": Quantity(lambda here, part, time: here.sample.verdict.own),
    "joint": Quantity(lambda here, part, time: here.sample.verdict.joint),
    "joint_share": Quantity(_joint_share),
    # states over time
    **{kind: _states(kind) for kind in measure_kinds.KINDS},
    "time": Quantity(_cursor_time, needs=_TIME),
    "overtaking": Quantity(_overtaking_distance, needs=_TIME, is_cheap=False),
    "trajectory_error": Quantity(_trajectory_error, needs=_TIME, is_cheap=False),
    "runs": Quantity(lambda here, part, time: here.runs, needs=_TIME),
    "steady_distance": Quantity(_steady_distance, needs=_TIME, is_cheap=False),
    "gap": Quantity(_gap, needs=_TIME, is_cheap=False),
    # changes
    "changes": Quantity(lambda here, part, time: len(changed_knobs(here)), needs=_KNOBS),
    "edits": Quantity(lambda here, part, time: len(changed_entries(here)), needs=("rules",)),
    "knob": Quantity(_knob, _knobs),
    "largest_factor": Quantity(_largest_factor, needs=_TIME),
    "changed": _word(lambda here, part, time: ",".join(changed_knobs(here)), needs=_KNOBS),
    # a noisy device
    "noise": Quantity(
        lambda here, part, time: here.noise[CHANNELS.index(part)],
        lambda here: CHANNELS,
        needs=_NOISE,
    ),
    "shots": Quantity(lambda here, part, time: here.shots, needs=_NOISE),
    "noisy_class": _word(_noisy_class, _classes, needs=_NOISE, is_cheap=False),
    "noisy_decision": _word(
        _noisy_decision, lambda here: (KEPT, CHANGED), needs=_NOISE, is_cheap=False
    ),
    "noisy_score": Quantity(_noisy_score, needs=_NOISE, is_cheap=False),
    "noisy_lead": Quantity(_noisy_lead, needs=_NOISE, is_cheap=False),
    # choices
    "model": _word(lambda here, part, time: here.sample.name),
    "sample": _word(lambda here, part, time: here.sample.id),
    "split": _word(
        lambda here, part, time: str(here.sample.dataset.split[here.sample.row]),
        lambda here: ("train", "valid", "test"),
    ),
    "output": _word(lambda here, part, time: here.output or PREDICTED),
    "explained": _word(_explained, _classes),
    "background": _word(
        lambda here, part, time: here.background, lambda here: tuple(OFFERED.values())
    ),
    "option": _word(lambda here, part, time: here.option(part), is_cheap=False),
}
# Quantities whose part is any key of an address, and that no list of parts restricts.
FREE_PARTS = ("option",)
