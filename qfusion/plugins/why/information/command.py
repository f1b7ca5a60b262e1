"""The record that `why --data` prints: whether a data set needs fusion."""

from typing import Any

from qfusion.explain import bootstrap
from qfusion.plugins.why.information import information, information_parts
from qfusion.plugins.why.information.words import (
    describe_baselines,
    describe_estimation,
    describe_evaluation,
    describe_information,
)


def needs_record(result: information.Estimate) -> dict[str, Any]:
    """Return an estimate as `why --data --json` prints it."""

    def one(interval: bootstrap.Interval) -> dict[str, float]:
        return {"value": interval.value, "low": interval.low, "high": interval.high}

    def parts(entry: information_parts.Decomposition) -> dict[str, Any]:
        return {
            "redundancy": one(entry.redundancy),
            "unique": {name: one(part) for name, part in entry.unique.items()},
            "synergy": one(entry.synergy),
            "total": one(entry.total),
            "alone": {name: one(part) for name, part in entry.alone.items()},
        }

    main = result.main
    tested = result.baselines
    if len(main.sources) == 2:
        measure = information_parts.BROJA
    else:
        measure = "union information"
    differing_parts = dict(result.apart)
    below_chance = []
    for name, member in result.below_chance:
        below_chance.append({"modality": name, "model": member})
    worth: dict[str, Any] = {"metric": tested.metric, "models": dict(tested.models)}
    for name, score in tested.scores.items():
        worth[name] = one(score)
    worth["joint_gain"] = tested.joint_gain.value
    worth["unfinished"] = tested.unfinished
    notes = [*describe_evaluation(tested.evaluation), *describe_estimation(result)]
    return {
        "data": result.name,
        "estimator": main.estimator,
        "measure": measure,
        "n": main.n,
        "entropy": result.entropy,
        **parts(main),
        "bound": "total and alone are lower bounds: the data hold at least their low ends",
        "range": "low and high of parts are of what the models find over resampled rows, no confidence interval",
        "shared": dict(result.different),
        "below_chance": below_chance,
        "finding": result.finding.value,
        "gain": one(result.gain),
        "estimators": {name: parts(entry) for name, entry in result.by.items()},
        "against_rest": {name: parts(entry) for name, entry in result.of_rest.items()},
        "lattice": dict(result.lattice),
        "disagree": [name for name in main.parts if name in differing_parts],
        "worth": worth,
        "says": [describe_information(result), describe_baselines(tested)],
        "notes": notes,
    }
