"""The record that `why --data` prints: whether a data set needs fusion."""

from typing import Any

from qfusion.explain import bootstrap, information, partial_information
from qfusion.wording.information import (
    describe_baselines,
    describe_estimation,
    describe_evaluation,
    describe_information,
)


def needs_record(result: information.Estimate) -> dict[str, Any]:
    """Return an estimate as `why --data --json` prints it."""

    def one(interval: bootstrap.Interval) -> dict[str, float]:
        return {"value": interval.value, "low": interval.low, "high": interval.high}

    def parts(entry: information.Decomposition) -> dict[str, Any]:
        return {
            "redundancy": one(entry.redundancy),
            "unique": {name: one(part) for name, part in entry.unique.items()},
            "synergy": one(entry.synergy),
            "total": one(entry.total),
            "alone": {name: one(part) for name, part in entry.alone.items()},
        }

    tested = result.baselines
    return {
        "data": result.name,
        "estimator": result.main.estimator,
        "measure": partial_information.BROJA
        if len(result.main.sources) == 2
        else "union information",
        "n": result.main.n,
        "entropy": result.entropy,
        **parts(result.main),
        "bound": "total and alone are lower bounds: the data hold at least their low ends",
        "shared": dict(result.different),
        "below_chance": [
            {"modality": name, "model": member} for name, member in result.below_chance
        ],
        "finding": result.finding.value,
        "gain": one(result.gain),
        "estimators": {name: parts(entry) for name, entry in result.by.items()},
        "against_rest": {name: parts(entry) for name, entry in result.of_rest.items()},
        "lattice": dict(result.lattice),
        "disagree": [name for name in result.main.parts if name in dict(result.apart)],
        "worth": {
            "metric": tested.metric,
            "models": dict(tested.models),
            **{name: one(part) for name, part in tested.scores.items()},
            "joint_gain": tested.joint_gain.value,
            "unfinished": tested.unfinished,
        },
        "says": [describe_information(result), describe_baselines(tested)],
        "notes": [*describe_evaluation(tested.evaluation), *describe_estimation(result)],
    }
