"""The ten checks of a reviewer: none finds a fault in a clean set, and each planted fault is found, and no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import cli
from qfusion.adapters.opening import open_model
from qfusion.data import DataSet
from qfusion.data.store import manifest
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain.bootstrap import Interval
from qfusion.plugins.review import plain_models, words
from qfusion.plugins.review.checks import calibration, resources, robustness, seeds as seeds_check
from qfusion.plugins.review.checks.check import Check, Finding, Topic, Verdict
from qfusion.plugins.review.checks.claims import ClaimedFigure, Claims, parse_figure
from qfusion.plugins.review.checks.measured_metrics import measure_metrics
from qfusion.plugins.review.checks.run import Review, review_model
from qfusion.plugins.review.checks.seed_reliability import seed_reliability
from qfusion.plugins.review.checks.seeds import judge_figure
from qfusion.plugins.review.split.split_overlap import find_split_overlap
from qfusion.study import open_study
from qfusion.training import Options
from tests.plugins.review import reviewed_models as made
from tests.support.measured_games import make_game, open_game

SEEDS = ("clean-1", "clean-2")
QUICK = made.OPTIONS.replace(epochs=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("reviewed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_MODELS", str(place))
        yield place


@pytest.fixture(scope="module")
def clean(folder: Path) -> DataSet:
    dataset = made.clean_set()
    for seed in range(3):
        made.save_model(folder, f"clean-{seed}", dataset, seed)
    made.save_model(folder, "rival", dataset, 0, "concatenation")
    return dataset


def faults(review: Review) -> list[Topic]:
    return [one.topic for one in review.checks if one.verdict is Verdict.FAULT]


def mean_figure(clean: DataSet, metric: str = "acc2_non0") -> ClaimedFigure:
    known = measure_metrics(open_study("clean-0", clean), Claims(seeds=SEEDS)).seeds[metric]
    return ClaimedFigure(metric, round(float(np.mean(known)), 3), 0.0005)


def review(name: str, dataset: DataSet, **claims: Any) -> Review:
    return review_model(open_study(name, dataset), Claims(**claims))


def retrained(folder: Path, name: str, dataset: DataSet) -> str:
    return made.save_model(folder, name, dataset, 0, options=QUICK)


def test_a_clean_set_has_no_fault(clean: DataSet) -> None:
    result = review(
        "clean-0",
        clean,
        seeds=SEEDS,
        rivals=("rival",),
        figures=(mean_figure(clean),),
        groups=("video",),
    )
    assert faults(result) == []
    assert result.of(Topic.SEEDS).findings == (Finding.MEAN_REPORTED,)
    assert "No fault is found" in words.summarise_review(result)
    for one in result.checks:
        sentence = words.describe_check(one)
        assert sentence.endswith(".")
        assert "nan" not in sentence


def test_a_leaked_video_is_found(clean: DataSet) -> None:
    result = review("clean-0", made.leaked_video(clean), seeds=SEEDS)
    assert faults(result) == [Topic.SPLIT]
    split = result.of(Topic.SPLIT)
    assert Finding.GROUPS_SHARED in split.findings
    assert split.numbers["groups"] == ["video-0"]
    assert split.numbers["group_rows"] == 5
    assert "video-0" in words.describe_check(split)


@pytest.mark.parametrize(("noise", "finding"), [(0.0, Finding.COPIES), (0.03, Finding.NEAR_COPIES)])
def test_duplicated_rows_are_found(clean: DataSet, noise: float, finding: Finding) -> None:
    dataset = made.duplicated_rows(clean, noise)
    overlap = find_split_overlap(dataset)
    copied = dataset.rows("test")[:12]
    found = overlap.near_copies if noise else overlap.copies
    assert found.tolist() == copied.tolist()
    result = review("clean-0", dataset, seeds=SEEDS)
    assert faults(result) == [Topic.SPLIT]
    assert finding in result.of(Topic.SPLIT).findings


def test_the_best_seed_is_found(clean: DataSet) -> None:
    known = measure_metrics(open_study("clean-0", clean), Claims(seeds=SEEDS)).seeds["acc2_non0"]
    best = ClaimedFigure("acc2_non0", round(max(known), 4), 5e-5)
    result = review("clean-0", clean, seeds=SEEDS, figures=(best,))
    assert faults(result) == [Topic.SEEDS]
    assert result.of(Topic.SEEDS).findings == (Finding.BEST_SEED,)
    beyond = replace(best, value=min(1.0, max(known) + 0.03))
    assert review("clean-0", clean, seeds=SEEDS, figures=(beyond,)).of(Topic.SEEDS).findings == (
        Finding.BEYOND_SEEDS,
    )


@pytest.mark.parametrize(
    ("metric", "value", "expected"),
    [
        ("accuracy", 0.80, Finding.MEAN_REPORTED),
        ("accuracy", 0.83, Finding.BEST_SEED),
        ("accuracy", 0.90, Finding.BEYOND_SEEDS),
        ("accuracy", 0.70, Finding.BELOW_SEEDS),
        ("mae", 0.80, Finding.MEAN_REPORTED),
        ("mae", 0.77, Finding.BEST_SEED),
        ("mae", 0.70, Finding.BEYOND_SEEDS),
        ("mae", 0.90, Finding.BELOW_SEEDS),
    ],
)
def test_figures_are_judged_by_seeds(metric: str, value: float, expected: Finding) -> None:
    figure = ClaimedFigure(metric, value, 0.0005)
    assert judge_figure(figure, [0.77, 0.80, 0.83]) is expected


def test_a_figure_of_another_convention_is_found(clean: DataSet) -> None:
    non_zero = mean_figure(clean, "acc2_non0")
    has_zero = mean_figure(clean, "acc2_has0")
    assert abs(non_zero.value - has_zero.value) > 0.02  # else nothing tells them apart
    wrong = replace(non_zero, metric="acc2_has0")
    result = review("clean-0", clean, seeds=SEEDS, figures=(wrong,))
    assert faults(result) == [Topic.CONVENTION]
    assert "Acc-2 (non-zero)" in words.describe_check(result.of(Topic.CONVENTION))


def test_a_constant_modality_is_found(folder: Path, clean: DataSet) -> None:
    dataset = made.constant_modality(clean)
    result = review(retrained(folder, "constant", dataset), dataset)
    assert faults(result) == [Topic.MODALITIES]
    assert Finding.CONSTANT in result.of(Topic.MODALITIES).findings
    assert "Modality audio is the same" in words.describe_check(result.of(Topic.MODALITIES))


def test_labels_in_features_are_found(folder: Path, clean: DataSet) -> None:
    dataset = made.labels_in_features(clean)
    result = review(retrained(folder, "labels", dataset), dataset)
    assert faults(result) == [Topic.MODALITIES]
    assert Finding.TARGET_IN_FEATURES in result.of(Topic.MODALITIES).findings
    assert "`t5`" in words.describe_check(result.of(Topic.MODALITIES))


def test_an_undertrained_rival_is_found(folder: Path, clean: DataSet) -> None:
    made.save_model(
        folder, "hurried", clean, 0, "concatenation", Options(epochs=1, rate=1e-4, patience=0)
    )
    result = review("clean-0", clean, seeds=SEEDS, rivals=("rival", "hurried"))
    assert faults(result) == [Topic.GAIN]
    assert result.of(Topic.GAIN).numbers["undertrained"] == ["hurried"]


def test_an_explanation_that_depends_on_the_seed_is_found(folder: Path, clean: DataSet) -> None:
    dataset = made.same_twice(clean)
    names = [
        made.save_model(
            folder,
            f"reads-{read}",
            dataset,
            options=QUICK,
            readout="single",
            read=read,
            evolution="none",
        )
        for read in ("text", "audio")
    ]
    result = review(names[0], dataset, seeds=(names[1],))
    assert faults(result) == [Topic.STABILITY]
    assert "depend on the training seed" in words.describe_check(result.of(Topic.STABILITY))


def test_a_resource_that_is_not_needed_is_found(folder: Path, clean: DataSet) -> None:
    name = made.save_model(folder, "unitary", clean, 0, options=QUICK, evolution="unitary")
    result = review(name, clean, resources=("dissipation",))
    assert faults(result) == [Topic.RESOURCES]
    assert "dissipation" in words.describe_check(result.of(Topic.RESOURCES))
    losses = resources.remove_resources(open_study("clean-0", clean))
    assert losses["coherence"].low > 0.1  # the clean model uses it
    used = review("clean-0", clean, seeds=SEEDS, resources=("coherence",))
    assert faults(used) == []
    assert used.of(Topic.RESOURCES).findings == (Finding.CLAIM_UNDECIDED,)


def test_a_loss_is_told_with_the_resource_that_it_is_of() -> None:
    losses = {
        name: Interval(value, value - 0.01, value + 0.01, 90, 0)
        for name, value in {"coherence": 0.5, "correlation": 0.2, "dissipation": 0.04}.items()
    }
    numbers = {"used": list(losses), "losses": losses, "metric": "Accuracy", "source": "removal"}
    sentence = words.describe_check(Check(Topic.RESOURCES, (Finding.USED,), numbers=numbers))
    assert "(loss of Accuracy from +0.040 (95% CI" in sentence
    assert "without dissipation to +0.500" in sentence
    assert "without coherence)" in sentence


def test_a_verdict_on_these_test_rows_alone_is_told_as_such() -> None:
    check = resources.check_resources(open_study("qj-planted"), Claims(resources=("dissipation",)))
    assert check.findings == (Finding.CLAIMED_NOT_NEEDED,)
    assert check.number == check.numbers["losses"]["dissipation"]
    assert check.number.high < 0.019  # the margin, within which the loss has to be
    assert "for new rows it is undecided" in words.describe_check(check)


def test_each_reported_figure_has_a_sentence_of_its_own() -> None:
    study = open_study("qj-mosi")
    texts = ("mae=0.93", "acc2_non0=0.792", "acc2_has0=0.767")
    claims = Claims(figures=tuple(parse_figure(text, study.dataset) for text in texts))
    seeds = review_model(study, claims).of(Topic.SEEDS)
    assert seeds.findings[0] is Finding.BEST_SEED
    sentences = words.describe_check(seeds)
    assert "Acc-2 (non-zero) is reported as 0.792, the best of 5 seeds (0.7920)" in sentences
    assert "MAE is reported as 0.93, in agreement with the mean" in sentences
    convention = words.describe_check(review_model(study, claims).of(Topic.CONVENTION))
    assert "Acc-2 (with zero) is reported as 0.767" in convention
    assert "the reported figure is Acc-2 (non-zero) of one of the seeds (0.7670)" in convention
    assert "MAE is reported as 0.93, the value of the mean over seeds" in convention
    assert "0.792, the value of one of the seeds by this convention (0.7920)" in convention


def test_a_figure_above_the_mean_is_called_the_best_seed_only_where_it_is() -> None:
    study = open_study("qj-mosi")
    above = parse_figure("acc2_non0=0.7935", study.dataset)
    [sentence] = [
        words.describe_check(one)
        for one in (seeds_check.check_seeds(study, Claims(figures=(above,))),)
    ]
    assert "best of" not in sentence
    lower = parse_figure("mae=0.99", study.dataset)
    sentence = words.describe_check(seeds_check.check_seeds(study, Claims(figures=(lower,))))
    assert "worse than the mean of 5 seeds" in sentence


def test_dependent_rows_do_not_look_miscalibrated() -> None:
    """Pairs of few pictures and recordings: 1,200 rows count as some hundred, and errors of one picture recur."""
    check = calibration.check_calibration(open_study("qcnn-parity"))
    assert check.numbers["independent"] < 300
    assert check.findings == (Finding.CALIBRATED,)
    assert check.number is not None
    assert check.number.low <= check.number.value <= check.number.high


@pytest.mark.parametrize("lean", [-0.1, 0.0, 0.1])
def test_a_model_is_called_overconfident_only_if_it_is_shown(lean: float) -> None:
    gap = Interval(lean, lean - 0.05, lean + 0.05, 90, 2000)
    numbers = {"error": 0.2, "limit": 0.1}
    check = Check(Topic.CALIBRATION, (Finding.MISCALIBRATED,), gap, "", numbers)
    sentence = words.describe_check(check)
    assert ("overconfident" in sentence) == (lean > 0)
    assert ("underconfident" in sentence) == (lean < 0)


def test_plain_models_are_chosen_on_validation_rows(clean: DataSet) -> None:
    plain = plain_models.fit_plain_models(clean)
    assert set(plain.losses) == {*plain.sets, plain_models.LATE}
    other = clean.y.copy()
    test = clean.rows("test")
    other[test] = -other[test][::-1]
    again = plain_models.fit_plain_models(replace(clean, y=other))
    assert (again.best_single, again.best_whole) == (plain.best_single, plain.best_whole)
    assert again.losses == plain.losses


def test_features_of_another_extractor_are_found(clean: DataSet) -> None:
    result = review("clean-0", made.other_extractor(clean), seeds=SEEDS)
    assert faults(result) == [Topic.PROVENANCE]
    assert result.of(Topic.PROVENANCE).numbers["other"] == ["text"]
    changed = replace(clean, y=np.flip(clean.y).copy())
    assert review("clean-0", changed, seeds=SEEDS).of(Topic.PROVENANCE).findings == (
        Finding.LIKE_FEATURES,
    )


def test_one_modality_is_not_fused(folder: Path, clean: DataSet) -> None:
    dataset = robustness.select_modalities(clean, ("text",))
    name = made.save_model(folder, "alone", dataset, 0, options=QUICK.replace(epochs=2), dims=[3])
    result = review(name, dataset)
    assert result.of(Topic.GAIN).findings == (Finding.ONE_MODALITY,)
    assert result.of(Topic.ROBUSTNESS).findings == (Finding.ONE_MODALITY,)


def test_recorded_extractors_are_named(clean: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "extractor_names", {"reviewed": {"text": "bert"}}.get)
    provenance = review("clean-0", clean, seeds=SEEDS).of(Topic.PROVENANCE)
    assert "text (8 wide, by bert) and audio (6 wide)" in words.describe_check(provenance)


def test_a_game_is_not_checked() -> None:
    result = review_model(open_game(make_game()))
    assert all(one.findings == (Finding.GAME,) for one in result.checks)
    assert len(result.checks) == 10


@pytest.mark.parametrize(
    ("claims", "error", "words_of"),
    [
        ({"rivals": ("nobody",)}, NotFound, "nobody"),
        ({"seeds": ("clean-0",)}, InvalidInput, "beside"),
        ({"resources": ("magic",)}, NotFound, "magic"),
        ({"groups": ("shoe",)}, NotFound, "shoe"),
    ],
)
def test_claims_that_do_not_exist_are_refused(
    clean: DataSet, claims: dict[str, Any], error: type[Exception], words_of: str
) -> None:
    with pytest.raises(error, match=words_of):
        review("clean-0", clean, **claims)


@pytest.mark.parametrize(
    ("text", "value", "rounding"),
    [
        ("acc2_non0=0.79", 0.79, 0.005),
        (" acc2_has0 = 79.1 % ", 0.791, 0.0005),
        ("acc2_has0=79", 0.79, 0.005),
        ("mae=1.02", 1.02, 0.005),
    ],
)
def test_figures_are_read(clean: DataSet, text: str, value: float, rounding: float) -> None:
    figure = parse_figure(text, clean)
    assert figure.value == pytest.approx(value)
    assert figure.rounding == pytest.approx(rounding)


@pytest.mark.parametrize(
    "text", ["", "acc2_non0", "acc2_non0=", "acc2_non0=nan", "acc2_non0=200", "x" * 999]
)
def test_other_texts_are_refused(clean: DataSet, text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_figure(text, clean)


def test_an_unknown_metric_is_refused(clean: DataSet) -> None:
    with pytest.raises(NotFound, match="accuracy"):
        parse_figure("accuracy=0.8", clean)


def test_told_values_are_coalition_values(clean: DataSet) -> None:
    study = open_study("clean-0", clean)
    told = robustness.told_values(study)
    test = clean.rows("test")
    audio = study.explanation.coalitions.index("audio")
    scores = study.explanation.values[np.searchsorted(study.explained_rows, test), audio, 0]
    truth = clean.y[test]
    counted = truth != 0
    assert np.nanmean(told["audio"]) == pytest.approx(((scores > 0) == (truth > 0))[counted].mean())


def test_retraining_with_fewer_modalities(folder: Path, clean: DataSet) -> None:
    made.save_model(folder, "quick", clean, 0, options=QUICK.replace(epochs=2))
    result = review_model(open_study("quick", clean), retrain=True)
    table = result.modality_table
    assert table is not None
    alone = table.set_index("modalities")["retrained"]
    assert np.isfinite([alone["text"], alone["audio"]]).all()


def test_plain_models_choose_the_base_rate_for_noise(clean: DataSet) -> None:
    rng = np.random.default_rng(5)
    noise = made.with_features(clean, audio=rng.normal(size=(len(clean), 6)))
    result = plain_models.fit_plain_models(noise)
    assert result.members["audio"] == plain_models.BASE
    assert result.sets == ("text", "audio", "text+audio")


def test_the_reliability_of_seeds_is_an_intraclass_correlation() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(1, 4000, 2))
    noise = rng.normal(size=(3, 4000, 2))
    assert seed_reliability(samples + 0 * noise).value == pytest.approx(1)
    assert seed_reliability(noise).value == pytest.approx(0, abs=0.03)
    half = seed_reliability(samples + noise)
    assert half.value == pytest.approx(0.5, abs=0.03)
    assert half.low < 0.5 < half.high
    with pytest.raises(InvalidInput, match="two seeds"):
        seed_reliability(samples)


def test_a_brought_model_is_checked(clean: DataSet) -> None:
    text, audio = (one.values for one in clean.modalities)
    train = clean.rows("train")
    weights = np.linalg.lstsq(np.hstack([text, audio])[train], clean.y[train], rcond=None)[0]

    def linear(text: np.ndarray, audio: np.ndarray) -> np.ndarray:
        return np.hstack([text, audio]) @ weights

    result = review_model(open_model(linear, clean))
    assert faults(result) == []
    verdicts = {one.topic: one.findings[0] for one in result.checks}
    assert verdicts[Topic.GAIN] is Finding.PLAIN_BETTER  # it cannot see what both say together only
    assert verdicts[Topic.SEEDS] is Finding.ONE_SEED
    assert verdicts[Topic.STABILITY] is Finding.SEEDS_UNKNOWN
    assert verdicts[Topic.RESOURCES] is Finding.NO_RESOURCES
    assert verdicts[Topic.PROVENANCE] is Finding.SAME_FEATURES


def test_every_finding_has_a_sentence(clean: DataSet) -> None:
    assert set(words.SENTENCES) == set(Finding)
    assert set(words.TOPICS) == set(Topic)


def test_the_command_prints_a_review(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", "qj-planted", "--claim", "acc2_non0=0.99", "--json"]
    with pytest.raises(SystemExit, match="3"):
        cli.main(arguments)
    record = json.loads(capsys.readouterr().out)
    verdicts = {one["check"]: one["verdict"] for one in record["checks"]}
    assert verdicts["seeds"] == "fault"
    assert len(verdicts) == 10


def test_a_failed_check_is_not_passed(clean: DataSet) -> None:
    few = clean.split.copy()
    few[clean.rows("valid")[5:]] = "train"
    result: Check = review("clean-0", replace(clean, split=few), seeds=SEEDS).of(Topic.GAIN)
    assert result.verdict is Verdict.UNCHECKED
    assert "validation rows" in words.describe_check(result)
