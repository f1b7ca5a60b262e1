"""The conclusion of Why fuse, in one sentence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from qfusion.explain import backgrounds, bootstrap
from qfusion.plugins.why import summary as fusion_summary
from qfusion.plugins.why.information.fusion_baselines import GAIN, MORE, BaselineComparison
from qfusion.plugins.why.summary import FusionSummary, Part
from qfusion.plugins.why.summary_words import describe_missing, summarise_fusion


def interval(value: float, low: float, high: float) -> bootstrap.Interval:
    return bootstrap.Interval(value, low, high, 100, 100)


def test_conclusion_joins_what_is_known_with_intervals() -> None:
    gains: Any = {
        "gain": {"accuracy": interval(0.1, 0.05, 0.15)},
        "additive": {"accuracy": interval(0.8, 0.7, 0.9)},
        "model": {"accuracy": interval(0.9, 0.8, 1.0)},
    }
    joint: Any = SimpleNamespace(modalities=2)
    baselines = BaselineComparison(
        "accuracy", {GAIN: interval(0.01, -0.02, 0.03), MORE: interval(0.1, 0, 0.2)}, {}, 100, 0
    )
    rows = [
        {
            "resource": name,
            "verdict": verdict,
            "worth": worth,
            "tests": {"rows": {"low": worth - 0.1, "high": worth + 0.1}},
        }
        for name, verdict, worth in (
            ("entanglement", "helps", 0.2),
            ("jumps", "undecided", 0.3),
            ("coherence", "needed", 0.4),
        )
    ]
    summary = FusionSummary(
        metric="accuracy",
        parts=(Part.JOINT, Part.DATA, Part.RESOURCES, Part.TERMS),
        joint=(joint, gains),
        information=SimpleNamespace(baselines=baselines),  # type: ignore[arg-type]
        resources={"short": "Accuracy", "rows": rows},
    )
    assert summarise_fusion(summary) == (
        "**The model fuses**: accuracy is 0.800 without joint terms, 0.900 with them, better by 0.100 (95% CI 0.050 "
        "to 0.150); in the data, small joint models have no significant gain over late ones (+0.010 accuracy, 95% CI "
        "-0.020 to +0.030); 2 of 3 quantum resources help, most coherence (+0.400 accuracy, 95% CI +0.300 to +0.500)."
    )
    assert summary.missing == (Part.TERMS,)
    assert describe_missing(summary, True) == "Being computed: the smallest generator."
    assert describe_missing(summary, False) == "Still to compute: the smallest generator."
    nothing = fusion_summary.FusionSummary("accuracy", (Part.JOINT,))
    assert summarise_fusion(nothing) == "Whether this model fuses is being computed."
    assert backgrounds.joint_effect(joint, gains["gain"]["accuracy"]) == "gain"


@pytest.mark.parametrize(
    ("lows", "words"),
    [
        (
            (0.3, 0.1),
            "Cut from the trained model, 2 of 2 quantum resources matter, most coherence (+0.400 accuracy, 95% CI "
            "+0.300 to +0.500).",
        ),
        (
            (-0.1, -0.2),
            "Cut from the trained model, none of 2 quantum resources is shown to matter (largest effect: coherence, "
            "+0.400 accuracy, 95% CI -0.100 to +0.500).",
        ),
    ],
)
def test_cuts_of_the_trained_model_stand_in_for_twins(
    lows: tuple[float, float], words: str
) -> None:
    cuts = pd.DataFrame(
        {
            "resource": ["dissipation", "coherence"],
            "loses": [0.2, 0.4],
            "loses:low": lows[::-1],
            "loses:high": [0.3, 0.5],
        }
    )
    resources = {"short": "Accuracy", "rows": [], "cuts": cuts}
    summary = FusionSummary("accuracy", (Part.RESOURCES,), resources=resources)
    assert summarise_fusion(summary) == words
    nothing = FusionSummary("accuracy", (Part.RESOURCES,), resources=resources | {"cuts": None})
    assert summarise_fusion(nothing) == "Whether its quantum resources matter is not measured."
