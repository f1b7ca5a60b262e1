"""One small figure of every function of `qfusion.figures` that draws one, with hostile names where a function takes
names."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import zlib
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go

from qfusion import figures
from qfusion.data.media_pictures import BANDS
from qfusion.data.sample_content import Preview, Word
from qfusion.explain.bootstrap import Interval
from qfusion.figures import (
    attribution_charts,
    cohort_charts,
    decision_charts,
    decision_pairs,
    dynamics_charts,
    evolution_charts,
    generator_attribution,
    information_charts,
    lines,
    model_charts,
    model_quality,
    sample_charts,
    scatter_map,
    state_changes,
    state_charts,
    style,
    term_effects,
    training_charts,
    trust_charts,
)
from qfusion.figures.circuits import charts, diagram, fusion, qubits
from qfusion.figures.guards import Figure
from qfusion.figures.style import BLUE
from qfusion.study import recording_strip

HOSTILE = "<script>alert(1)</script> $x_1^2$ \\alpha &amp; ü"
M = ("text", "audio", "vision")
TERMS = {
    "": 0.1,
    "text": 0.5,
    "audio": -0.2,
    "vision": 0.05,
    "text+audio": -0.4,
    "text+vision": 0.0,
    "audio+vision": 0.02,
    "text+audio+vision": 0.03,
}
JOINT = [term for term in TERMS if term]
OTHER = {term: 0.7 * value + 0.02 for term, value in TERMS.items()}
T = np.linspace(0, 2, 21)
LINES = {name: np.abs(np.sin(T + i)) for i, name in enumerate([*M, ""])}
BY_PART = {(name,) if name else (): values for name, values in LINES.items()}
R = np.random.default_rng(0)
IDS = [HOSTILE, *(f"s{i}" for i in range(39))]
X, Y = R.normal(size=40), R.normal(size=40)
CLASSES = [HOSTILE, "dog", "parking lot", "7"]
BLOCH = np.array([[0.3, 0.5, 0.6], [0.0, 0.0, 0.2], [-0.7, -0.4, 0.1]])
RHO = np.outer(np.arange(1, 5) + 1j, np.arange(1, 5) - 1j) / 34
WHOLE = {term: R.normal(i * 0.1, 1, 40) for i, term in enumerate(JOINT)}
GROUP = np.array(["agreement", "conflict"])[R.integers(0, 2, 40)]
BEST = Interval(0.3, 0.2, 0.45, 9, 9)
WIRES = [
    diagram.Wire("text[0]", 0, BLUE),
    diagram.Wire(HOSTILE, 1),
    diagram.Wire("fused[0]", 2, end=2.4),
]
BOXES = [
    diagram.Box("RY", 0, (0,), 1, 1, "turns"),
    diagram.Box("H[audio+vision]", 1, (0, 1, 2), 2, 3, HOSTILE, BLUE),
    diagram.Box("C|X", 2, (0, 2), 4, 4, "does", joined=True),
]
CURVES = {
    "run a": (np.arange(1, 6), 1 / np.arange(1, 6)),
    HOSTILE: (np.arange(1, 5), 0.5 / np.arange(1, 5)),
}
HUES = {"run a": BLUE, HOSTILE: "#D55E00"}

BUILT_BY = [
    *(" – ".join(term.split("+")) for term in JOINT),
    HOSTILE,
    "dissipation 2",
    "dissipation 3",
]
BUILT_HUES = [
    *(style.term_colour(term, M) for term in JOINT),
    *[generator_attribution.OTHERS] * 3,
]
BUILT_ACTS = [*JOINT, *[JOINT[-1]] * 3]
BUILT = R.normal(0, 0.05, (8, 10)) * (R.random((8, 10)) < 0.7)
BUILT_START = np.array([TERMS[name] if "+" not in name else 0.0 for name in TERMS])

_EXAMPLES: dict[str, Callable[[], go.Figure]] = {
    "generator_attribution.attribution_matrix": lambda: generator_attribution.attribution_matrix(
        list(TERMS), BUILT_BY, BUILT, BUILT_START, BUILT_START + BUILT.sum(1), unit=HOSTILE
    ),
    "term_effects.attribution_areas": lambda: term_effects.attribution_areas(
        T,
        np.sin(np.outer(T, np.arange(1, 11))) * BUILT[4],
        BUILT_BY,
        BUILT_HUES,
        "text+audio",
        start=0.1,
        cursor=0.7,
        unit=HOSTILE,
    ),
    "generator_attribution.attribution_flow": lambda: generator_attribution.attribution_flow(
        list(TERMS),
        BUILT_BY,
        BUILT_HUES,
        BUILT_ACTS,
        BUILT,
        BUILT_START,
        BUILT_START + BUILT.sum(1),
        M,
        unit=HOSTILE,
    ),
    "charts.step_error": lambda: charts.step_error(
        np.geomspace(0.02, 1, 6), np.geomspace(1e-4, 0.1, 6), np.geomspace(1e-3, 0.2, 6), 0.1
    ),
    "diagram.diagram": lambda: diagram.diagram(BOXES, WIRES, 3, BLOCH, np.array([0.1, 0.6, 0.3])),
    "charts.bloch_row": lambda: charts.bloch_row(
        ["a", HOSTILE, "c"], BLOCH, np.zeros(3), before=BLOCH[::-1]
    ),
    "charts.qubit_bars": lambda: charts.qubit_bars(
        np.array([0.2, 0.6]), ["a", HOSTILE], "entropy (nats)"
    ),
    "charts.entropy_lines": lambda: charts.entropy_lines(
        np.abs(R.normal(size=(9, 3))), ["a", HOSTILE, "c"], 4, [(0, "prepare"), (5, HOSTILE)]
    ),
    "charts.cut_entropies": lambda: charts.cut_entropies(
        [np.array([0.1, 0.5, 0.2]), np.array([0.6])], ["input", HOSTILE], "nats"
    ),
    "charts.pooling_entropies": lambda: charts.pooling_entropies(
        np.array([2.5, 1]), np.array([1.1, 0.7]), np.array([2.0, 0.8])
    ),
    "cohort_charts.scatter": lambda: cohort_charts.scatter(
        IDS, X, Y, HOSTILE, "prediction", chosen="s3", captions=IDS, diagonal=True
    ),
    "decision_pairs.differences": lambda: decision_pairs.differences(TERMS, OTHER, M, unit=HOSTILE),
    "decision_pairs.bar_pairs": lambda: decision_pairs.bar_pairs(
        {"text": 0.4, HOSTILE: 0.2}, {"text": 0.3}, {"text": BLUE}, "share", percent=True
    ),
    "model_quality.class_counts": lambda: model_quality.class_counts(
        {"train": [4, 5, 6, 7], "test": [1, 2, 1, 0]}, CLASSES
    ),
    "model_quality.target_histogram": lambda: model_quality.target_histogram(
        {"train": X, "valid": Y, "test": X[:9]}, HOSTILE
    ),
    "decision_charts.waterfall": lambda: decision_charts.waterfall(
        TERMS, M, truth=0.3, unit=HOSTILE
    ),
    "decision_charts.shapley_bars": lambda: decision_charts.shapley_bars(
        {"text": 0.3, "audio": -0.1}, {"text": 0.75, "audio": 0.25}, M[:2]
    ),
    "decision_charts.target_scale": lambda: decision_charts.target_scale(
        1.0, -0.5, -3, 3, unit=HOSTILE
    ),
    "decision_charts.term_bars": lambda: decision_charts.term_bars(
        TERMS, dict.fromkeys(TERMS, 0.05), OTHER, M
    ),
    "evolution_charts.measure_lines": lambda: evolution_charts.measure_lines(
        T, BY_PART | {("text", "audio"): T}, M, "entropy (nats)", cursor=0.7
    ),
    "evolution_charts.decision_lines": lambda: evolution_charts.decision_lines(
        T,
        LINES,
        {k: v * T for k, v in TERMS.items()},
        M,
        cursor=1.0,
        before=(T, LINES, dict.fromkeys(TERMS, T)),
        unit=HOSTILE,
    ),
    "dynamics_charts.distance_line": lambda: dynamics_charts.distance_line(
        T, np.exp(-2 * T), 2.0, 1.5
    ),
    "training_charts.sparkline": lambda: training_charts.sparkline(T, LINES, M),
    "lines.draw_time_cursor": lambda: lines.draw_time_cursor(
        evolution_charts.measure_lines(T, BY_PART, M, "nats"), 0.2
    ),
    "fusion.masses": lambda: fusion.masses(R.random((4, 3)), R.random(4), M, CLASSES, marked=1),
    "fusion.fusion_tables": lambda: fusion.fusion_tables(
        R.random((4, 4)),
        R.random((4, 4)),
        ["00", "01", "10", "11"],
        CLASSES,
        controls=["a", HOSTILE],
        angles=R.random((4, 4)),
        chosen=(1, 2),
        edited=np.eye(4) > 0,
    ),
    "evolution_charts.angle_curve": lambda: evolution_charts.angle_curve(
        np.linspace(-3, 3, 40),
        np.sin(np.linspace(-3, 3, 40)),
        {"": np.zeros(40), "text": np.sin(np.linspace(-3, 3, 40))},
        M,
        present=(0.5, 0.48),
        learned=0.2,
        flips=np.array([0.0]),
        decisions=[HOSTILE, "yes"],
        unit=HOSTILE,
        x_title=HOSTILE,
    ),
    "fusion.class_bars": lambda: fusion.class_bars(
        np.array([0.1, 0.6, 0.2, 0.1]),
        CLASSES,
        truth=0,
        before=np.full(4, 0.25),
        errors=np.full(4, 0.02),
    ),
    "fusion.curve": lambda: fusion.curve(X, np.arange(40), HOSTILE, "ink (0 to 128)", BLUE),
    "fusion.belief_bars": lambda: fusion.belief_bars(
        np.full(4, 0.1), np.full(4, 0.25), np.full(4, 0.5), CLASSES, truth=1
    ),
    "trust_charts.truth_scatter": lambda: trust_charts.truth_scatter(
        R.normal(size=(40, 7)), R.normal(size=(40, 7)), JOINT, np.ones(7), M, ids=IDS, chosen=2
    ),
    "trust_charts.deletion_curves": lambda: trust_charts.deletion_curves(
        np.linspace(0, 1, 4), np.arange(4.0), R.random((5, 4)), what=HOSTILE, unit="score"
    ),
    "trust_charts.rank_bars": lambda: trust_charts.rank_bars(
        dict.fromkeys(JOINT, (0.9, 0.7)), M, floor=0.8
    ),
    "trust_charts.seed_dots": lambda: trust_charts.seed_dots(
        R.normal(size=(3, 7)), JOINT, M, [0, 1, 2]
    ),
    "model_charts.interval_dots": lambda: model_charts.interval_dots(
        [*M, HOSTILE],
        {"one": R.normal(size=(4, 3)), HOSTILE: np.full((4, 3), np.nan)},
        hues=[BLUE] * 4,
        x_title=HOSTILE,
        band=R.normal(size=(4, 2)),
        band_name=HOSTILE,
    ),
    "model_charts.calibration": lambda: model_charts.calibration(
        {"text": R.normal(size=9)},
        {"text": R.normal(size=9)},
        {"text": (np.arange(3.0), np.arange(3.0))},
        M,
        notes={"text": HOSTILE},
        x_title=HOSTILE,
        y_title=HOSTILE,
    ),
    "attribution_charts.words": lambda: attribution_charts.words(
        ["not", HOSTILE, "very", "good"] * 6, R.normal(size=24), unit=HOSTILE
    ),
    "attribution_charts.waveform": lambda: attribution_charts.waveform(
        np.sin(np.arange(3000) / 20), 8000, R.normal(size=12), 3000 / 8000 / 12
    ),
    "sample_charts.timeline": lambda: sample_charts.timeline(
        recording_strip.Strip(
            Preview(
                2.0,
                thumbs=R.integers(0, 255, (3, 12, 16, 3), dtype=np.uint8),
                envelope=R.normal(size=(50, 2)),
                spectrogram=-R.random((BANDS, 20)) * 70,
            ),
            (Word(0.1, 0.5, HOSTILE), Word(0.4, 0.9, "b"), Word(1.0, 1.9, "c")),
            True,
            (
                recording_strip.Steps(
                    "text",
                    np.arange(3) * 0.5,
                    np.arange(3) * 0.5 + 0.5,
                    {"text": Y[:3], "text+audio": Y[3:6]},
                    IDS[:3],
                    True,
                    0.0,
                ),
                recording_strip.Steps(
                    "audio",
                    np.arange(3) * 0.5,
                    np.arange(3) * 0.5 + 0.5,
                    {"audio": Y[:3], "text+audio": Y[1:4]},
                    IDS[:3],
                    True,
                    0.0,
                ),
            ),
        ),
        M,
        HOSTILE,
    ),
    "attribution_charts.timeline": lambda: attribution_charts.timeline(
        [(HOSTILE, R.normal(size=5), 0.3, [HOSTILE] * 5), ("audio", R.normal(size=40), 0.04, IDS)],
        seconds=True,
        unit=HOSTILE,
    ),
    "attribution_charts.picture": lambda: attribution_charts.picture(
        R.integers(0, 255, (24, 18, 3), dtype=np.uint8), R.normal(size=(8, 6)), unit=HOSTILE
    ),
    "attribution_charts.spectrogram": lambda: attribution_charts.spectrogram(
        R.random((8, 6)), R.normal(size=(8, 6)), unit=HOSTILE
    ),
    "attribution_charts.curve": lambda: attribution_charts.curve(
        np.arange(40), X, Y, x_label=HOSTILE, y_label="y"
    ),
    "attribution_charts.bars": lambda: attribution_charts.bars(IDS, X),
    "evolution_charts.decision_layers": lambda: evolution_charts.decision_layers(
        ["input", "layer 0 convolved", HOSTILE],
        {"a": X[:3]},
        {k: v * np.arange(3) for k, v in TERMS.items()},
        M,
        cursor=1,
    ),
    "model_quality.confusion_matrix": lambda: model_quality.confusion_matrix(
        np.array([[5, 1], [0, 7]]), [HOSTILE, "b"]
    ),
    "model_quality.roc_curves": lambda: model_quality.roc_curves(
        [(HOSTILE, np.array([0, 0.2, 1]), np.array([0, 0.8, 1]), 0.8)],
        [(HOSTILE, np.array([1, 0.8, 0]), np.array([0.5, 0.7, 1]), 0.7)],
        HOSTILE,
    ),
    "model_quality.calibration_plot": lambda: model_quality.calibration_plot(
        np.array([0.3, 0.9]), np.array([0.5, 0.8]), np.array([4, 20])
    ),
    "model_quality.residual_plot": lambda: model_quality.residual_plot(
        [HOSTILE] * 9,
        np.linspace(-1, 1, 9),
        np.linspace(1, -1, 9) ** 3,
        np.arange(9) % 2 == 0,
        "score",
    ),
    "qubits.draw_balls": lambda: qubits.draw_balls(
        ["a", HOSTILE], [np.outer(np.linspace(1, 0.5, 9), BLOCH[0]), BLOCH[1:]], [BLUE]
    ),
    "information_charts.mutual_information_polygon": lambda: (
        information_charts.mutual_information_polygon(
            T,
            {("b", HOSTILE): T / 9, ("b", "c"): np.sin(T) / 9, ("c", HOSTILE): T * 0.01},
            {"b": LINES["text"] / 2, HOSTILE: LINES["audio"] / 2, "c": LINES["vision"] / 2},
            9,
            together=-T / 30,
        )
    ),
    "dynamics_charts.raster": lambda: dynamics_charts.raster(
        [
            (np.array([0.2, 0.9]), np.array([0, 1])),
            (np.array([0.5]), np.array([1])),
            (np.zeros(0), np.zeros(0, int)),
        ],
        np.linspace(0, 2, 5),
        np.array([[0.3, 0.1, 0.2, 0.4], [0.0, 0.5, 0.6, 0.1]]),
        np.full((2, 4), 0.1),
        T,
        np.stack([LINES["text"], LINES["audio"]]) / 3,
    ),
    "state_charts.hinton": lambda: state_charts.hinton(
        RHO * np.exp(1j * np.subtract.outer(np.arange(4), np.arange(4))), (2, 2)
    ),
    "state_charts.element_heatmap": lambda: state_charts.element_heatmap(
        T,
        np.stack(list(LINES.values())),
        ["|0⟩", "|1⟩"] * 2,
        ["text"] * 2 + [HOSTILE] * 2,
        "population",
        0.7,
    ),
    "cohort_charts.violins": lambda: cohort_charts.violins(
        WHOLE, {k: v[:9] for k, v in WHOLE.items()}, TERMS, M, cohort_name=HOSTILE
    ),
    "cohort_charts.boxes": lambda: cohort_charts.boxes(
        WHOLE,
        np.arange(40) < 15,
        GROUP,
        ["agreement", "conflict"],
        M,
        by="relation",
        sample=("conflict", TERMS),
    ),
    "cohort_charts.relation_bars": lambda: cohort_charts.relation_bars(
        ["dominance", HOSTILE], [30, 10], [4, 1], [(BEST, BEST)] * 2, chosen="dominance"
    ),
    "cohort_charts.share_bars": lambda: cohort_charts.share_bars(
        dict.fromkeys(M, BEST), dict.fromkeys(M, BEST), {"text": 0.5}, M
    ),
    "scatter_map.sample_scatter": lambda: scatter_map.sample_scatter(
        IDS,
        np.c_[X, Y],
        np.arange(40) % 10,
        X > 0,
        names=[*CLASSES, *"efghij"],
        by=HOSTILE,
        titles=(HOSTILE, "y"),
        tips=IDS,
        chosen="s3",
    ),
    "scatter_map.nearest_bars": lambda: scatter_map.nearest_bars(
        IDS[:5],
        np.array([0.1, 0.2, 0.25, 0.3, 0.6]),
        [True, False, True, None, True],
        axis=HOSTILE,
        typical=0.5,
    ),
    "decision_pairs.decision_columns": lambda: decision_pairs.decision_columns(
        [HOSTILE, "s1", "s2"],
        [TERMS, OTHER, TERMS],
        M,
        truths=[0.3, None, -0.2],
        unit=HOSTILE,
        notes=[HOSTILE, "a → b\nscore of b", "b → b"],
    ),
    "decision_pairs.bar_columns": lambda: decision_pairs.bar_columns(
        [HOSTILE, "s1"],
        [{"text": 0.4, HOSTILE: 0.2}, {"text": 0.3, "all": 0.1}],
        {"text": BLUE},
        title=HOSTILE,
    ),
    "scatter_map.error_rates": lambda: scatter_map.error_rates(
        CLASSES,
        [(4, 9), (2, 8), (1, 30), (0, 5)],
        np.array([[0.44, 0.19, 0.73], [0.25, 0.07, 0.59], [0.03, 0.01, 0.17], [0, 0, 0.43]]),
        0.13,
        axis=HOSTILE,
    ),
    "scatter_map.largest_errors": lambda: scatter_map.largest_errors(
        IDS[:6], np.array([-3, 2.5, 2, -1.5, 1.2, 1.0]), axis=HOSTILE, chosen=2
    ),
    "state_charts.density_matrix": lambda: state_charts.density_matrix(RHO, (2, 2), part="phase"),
    "state_charts.populations": lambda: state_charts.populations(
        np.full(64, 1 / 64), (4, 4, 4), reference=np.full(64, 1 / 64)
    ),
    "style.base_figure": lambda: style.base_figure(200, legend=True),
    "style.write_note": lambda: style.write_note(
        style.base_figure(200), "No sample passes the filters."
    ),
    "term_effects.tornado": lambda: term_effects.tornado(
        ["H of text", HOSTILE, "T"],
        np.array([0.1, np.nan, -0.02]),
        np.array([0.8, -0.5, 0.3]),
        ["text", "text+audio", ""],
        M,
        bends=[False, False, True],
        half=np.array([0.7, -0.4, 0.2]),
    ),
    "term_effects.term_response": lambda: term_effects.term_response(
        np.linspace(0, 1, 5),
        np.linspace(0, 1, 5) ** 2,
        2 * np.linspace(0, 1, 5),
        "text",
        M,
        unit=HOSTILE,
    ),
    "training_charts.run_curves": lambda: training_charts.run_curves(
        CURVES,
        CURVES,
        hues=HUES,
        y_title="loss",
        kinds=("validation", "training"),
        best_epochs={"run a": 3},
        log=True,
    ),
    "training_charts.test_metrics": lambda: training_charts.test_metrics(
        [
            training_charts.Measured(HOSTILE, 0.9, 0.01, 0.91, True),
            training_charts.Measured("MAE", 1.2, 0.1, 1.1, False),
        ]
    ),
    "training_charts.modality_curves": lambda: training_charts.modality_curves(
        {
            "run a": {"text": CURVES["run a"], "text+audio": CURVES["run a"]},
            HOSTILE: {"text": CURVES[HOSTILE]},
        },
        {"run a": M, HOSTILE: M},
        y_title="mean size of the contribution (score)",
        marks={"run a": 0.5},
    ),
    "dynamics_charts.single_runs": lambda: dynamics_charts.single_runs(
        T,
        [(T, np.sin(T)), (T, np.cos(T))],
        [[(0.5, 0), (1.0, 1)], [(1.2, 0)]],
        np.sin(T),
        HOSTILE,
        channels=2,
    ),
    "dynamics_charts.ensemble": lambda: dynamics_charts.ensemble(
        T, R.random((21, 2)), np.full((21, 2), 0.05), R.random((21, 2)), ["000", HOSTILE], 20
    ),
    "state_changes.number_bars": lambda: state_changes.number_bars(
        np.full(4, 0.25),
        np.array([0.1, 0.2, 0.3, 0.4]),
        CLASSES,
        axis="mass",
        across=HOSTILE,
        hue=BLUE,
    ),
    "state_changes.bloch_change": lambda: state_changes.bloch_change(BLOCH[0], BLOCH[2], hue=BLUE),
    "state_changes.flip_distances": lambda: state_changes.flip_distances(
        ["text", "audio"], [0.5, np.inf], [0.9, np.inf], M, farthest=1.6, unit=HOSTILE
    ),
    "training_charts.banded_curves": lambda: training_charts.banded_curves(
        np.arange(4.0),
        {HOSTILE: (np.arange(4.0), np.arange(4.0) - 1, np.arange(4.0) + 1)},
        hues={HOSTILE: BLUE},
        x_title=HOSTILE,
        y_title=HOSTILE,
        behind=R.normal(size=(3, 4)),
        behind_name=HOSTILE,
        marks={HOSTILE: 2.0},
    ),
    "state_changes.turn_sizes": lambda: state_changes.turn_sizes(
        ["weaker", HOSTILE], np.array([0.1, 0.5]), axis=HOSTILE
    ),
}


def _seeded(name: str) -> Callable[[], go.Figure]:
    """Return an example that draws the same numbers whatever was drawn before it."""

    def draw() -> go.Figure:
        R.bit_generator.state = np.random.default_rng(zlib.crc32(name.encode())).bit_generator.state
        return _EXAMPLES[name]()

    return draw


EXAMPLES = {name: _seeded(name) for name in _EXAMPLES}


def drawing_functions() -> set[str]:
    """`module.function` of all public functions that are annotated to return a figure, besides those that make a figure
    of another one and those that open a model."""
    functions = set()
    for found in pkgutil.walk_packages(figures.__path__, f"{figures.__name__}."):
        name = found.name.rpartition(".")[2]
        if name == "notebook":
            continue
        loaded = importlib.import_module(found.name)
        functions |= {
            f"{name}.{entry}"
            for entry, made in inspect.getmembers(loaded, inspect.isfunction)
            if not entry.startswith("_")
            and made.__module__ == loaded.__name__
            and inspect.signature(made).return_annotation
            in ("go.Figure", go.Figure, "Figure", Figure)
        }
    return functions - {
        "guards.check_finite",
        "lines.draw_line_labels",
        "lines.keep_legend",
        "lines.offer_line_labels",
        "style.add_ring",
        "style.cell_annotations",
        "colours.apply_theme",
        "recipe.apply_visible",
        "recipe.hide_series",
    }
