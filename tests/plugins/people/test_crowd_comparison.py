"""A model beside people on the same clips: which clips these are, statistics by brute force, and what is said."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import cohen_kappa_score

from qfusion import cli, study
from qfusion.data import DataSet
from qfusion.data.coalition_terms import coalition_names
from qfusion.errors import InvalidInput, NotFound, QFusionError
from qfusion.explain import bootstrap
from qfusion.explain.coalitions import Explanation
from qfusion.figures import scatter_map
from qfusion.models import coalition_algebra
from qfusion.plugins.people.beside import crowd_comparison, matching, statistics, words
from qfusion.plugins.people.beside.quotient_game import group_modalities
from qfusion.plugins.people.beside.statistics import Aspect
from qfusion.plugins.people.crowd import crowd_summary
from qfusion.plugins.people.votes import CHOSEN_BY_VOTES, Votes
from qfusion.study import compare
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from tests.support.intervals import accelerated

PLAYERS = ("voice", "face")
CLASSES = ("anger", "happy", "sad")


def random_votes(seed: int, clips: int, players: tuple[str, ...] = PLAYERS) -> Votes:
    rng = np.random.default_rng(seed)
    conditions = 2 ** len(players) - 1
    p = rng.dirichlet(np.ones(len(CLASSES)), (clips, conditions))
    counts = rng.multinomial(rng.integers(4, 12, (clips, conditions)), p)
    return Votes(players, CLASSES, counts, rng.integers(0, len(CLASSES), clips))


def explained(values: np.ndarray, players: tuple[str, ...] = PLAYERS) -> Explanation:
    """The explanation of values (n, 2^M, C)."""
    M = len(players)
    dividends = coalition_algebra.dividends(values, M)
    return Explanation(
        players,
        tuple(map(str, range(values.shape[2]))),
        coalition_names(players),
        values,
        dividends,
        coalition_algebra.shapley(dividends, M),
        "none",
        0,
    )


def random_side(seed: int, clips: int, players: tuple[str, ...] = PLAYERS) -> statistics.Side:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(clips, 2 ** len(players), 1))
    return statistics.Side(explained(values, players), rng.integers(0, 3, clips), 0.0)


# ---- statistics


def test_kappa_is_that_of_scikit_learn_on_every_resample() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.choice(["joint", "dominance", "conflict"], 40) for _ in range(2))
    weights = rng.integers(0, 3, (6, 40)).astype(float)
    found = statistics.kappa(a, b, weights)
    for value, counts in zip(found, weights.astype(int), strict=True):
        again = cohen_kappa_score(np.repeat(a, counts), np.repeat(b, counts))
        assert value == pytest.approx(again)
    assert np.isnan(statistics.kappa(a[:1], a[:1], np.ones((1, 1))))


@pytest.mark.parametrize("terms", [3, 7])
def test_orders_are_those_of_scipy(terms: int) -> None:
    rng = np.random.default_rng(terms)
    x, y = (rng.integers(0, 4, (30, terms)).astype(float) for _ in range(2))
    x[0] = 1
    found = statistics.kendall_tau(x, y)
    assert np.isnan(found[0])
    expected = [kendalltau(a, b).statistic for a, b in zip(x[1:], y[1:], strict=True)]
    assert found[1:] == pytest.approx(expected, nan_ok=True)


def test_a_group_is_the_coalition_of_its_modalities() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(5, 8, 2))
    of_three = explained(values, ("text", "audio", "vision"))
    outputs = np.array([0, 1, 1, 0, 1])
    groups = {"face": ("vision",), "voice": ("audio", "text")}
    found = group_modalities(of_three, groups, outputs)
    names = of_three.coalitions
    places = [names.index(name) for name in ("", "vision", "text+audio", "text+audio+vision")]
    expected = values[np.arange(5), :, outputs][:, places]
    assert found.values[..., 0] == pytest.approx(expected)
    assert found.coalitions == ("", "face", "voice", "face+voice")
    assert found.dividends[..., 0].sum(1) == pytest.approx(expected[:, -1])
    shares = group_modalities(of_three, groups, outputs, as_probabilities=True)
    probability = softmax(values, -1)[np.arange(5), :, outputs][:, places]
    assert shares.values[..., 0] == pytest.approx(probability)
    with pytest.raises(InvalidInput, match="must hold each of text, audio and vision once"):
        group_modalities(of_three, {"face": ("vision",), "voice": ("audio",)}, outputs)


def test_a_half_of_the_raters_is_drawn_without_replacement() -> None:
    votes = random_votes(2, 20)
    rng = np.random.default_rng(3)
    halves = np.stack([statistics.draw_half(votes.counts, rng) for _ in range(2000)])
    assert (halves >= 0).all()
    assert (halves <= votes.counts).all()
    assert (halves.sum(-1) == votes.raters // 2).all()
    part = (votes.raters // 2 / votes.raters)[..., None]
    assert halves.mean(0) == pytest.approx(votes.counts * part, abs=0.12)
    n, k = votes.raters[0, 0], votes.counts[0, 0, 0]
    m = n // 2
    variance = m * k / n * (1 - k / n) * (n - m) / (n - 1)
    assert halves[:, 0, 0, 0].var() == pytest.approx(variance, rel=0.15)


@pytest.mark.parametrize("players", [PLAYERS, ("voice", "face", "hands")])
def test_a_comparison_is_what_a_loop_over_clips_counts(players: tuple[str, ...]) -> None:
    n, M = 60, len(players)
    votes, model = random_votes(4, n, players), random_side(5, n, players)
    found = statistics.compare(votes, model, resamples=50)
    values = votes.values
    terms = coalition_algebra.dividends(values[..., None], M)[:, 1:, 0]
    majorities = votes.majorities[:, -1]
    both = alone = theirs = same_sign = 0
    for row in range(n):
        ours, other = (judged.relation[row] == "joint" for judged in (found.people, found.model))
        both += ours and other
        theirs += other and not ours
        alone += ours and not other
        signs = [np.sign(t[row, M:].sum()) for t in (terms, model.terms)]
        same_sign += signs[0] == signs[1]
        shares = votes.counts[row] / votes.counts[row].sum(1, keepdims=True)
        own = shares[:, votes.explained[row]]
        base = votes.counts.sum((0, 1))[votes.explained[row]] / votes.counts.sum()
        joint = own[-1] - base - (own[:M] - base).sum()
        assert found.people_joint[row] == pytest.approx(joint)
    assert found.fusing["both"].value == pytest.approx(both / n)
    assert found.fusing["model alone"].value == pytest.approx(theirs / n)
    assert found.fusing["people alone"].value == pytest.approx(alone / n)
    assert found.fuses_more.value == pytest.approx((theirs - alone) / n)
    assert (len(found.only_model), len(found.only_people)) == (theirs, alone)
    assert found.categories[Aspect.SIGN].rate.value == pytest.approx(same_sign / n)
    untied = majorities >= 0
    assert found.categories[Aspect.DECISION].kappa.value == pytest.approx(
        cohen_kappa_score(majorities[untied], model.decisions[untied])
    )
    assert found.categories[Aspect.DECISION].kappa.n == untied.sum()
    for place, name in enumerate(coalition_names(players)[1:]):
        rank = spearmanr(terms[:, place].round(12), model.terms[:, place]).statistic
        assert found.terms[name].rank.value == pytest.approx(rank)
    whole = spearmanr((values[:, -1] - values[:, 0]).round(12), model.terms.sum(1)).statistic
    assert found.terms[statistics.WHOLE].rank.value == pytest.approx(whole)
    errors = votes.share_errors
    assert found.people_error == pytest.approx(
        np.sqrt((errors[:, :M] ** 2).sum(1) + errors[:, -1] ** 2)
    )
    assert set(found.category_frame()["aspect"]) == set(map(str, Aspect))
    assert len(found.term_frame()) == 2**M
    assert found.fusion_frame()["value"].notna().all()


def test_intervals_resample_groups_of_clips() -> None:
    """The interval of the same statistic of the clips that are drawn."""
    votes, model = random_votes(6, 80), random_side(7, 80)
    actors = np.repeat(np.arange(20), 4)[:, None]
    found = statistics.compare(votes, model, clusters=actors, resamples=60, seed=8)
    ours, theirs = (one.relation.astype(str) for one in (found.people, found.model))
    ends = accelerated(lambda at: float(cohen_kappa_score(ours[at], theirs[at])), 80, 60, 8, actors)
    kappa = found.categories[Aspect.VERDICT].kappa
    assert (kappa.low, kappa.high) == pytest.approx(ends)


def test_a_model_that_is_the_people_agrees_entirely_and_a_random_one_by_chance() -> None:
    votes = random_votes(9, 200)
    people = statistics.people_side(votes)
    same = statistics.compare(votes, replace(people), resamples=100)
    for aspect, one in same.categories.items():
        assert one.kappa.value == pytest.approx(1), aspect
        assert one.halves < 0.6, aspect
    assert same.order.value == pytest.approx(1)
    assert not len(same.only_model)
    other = statistics.compare(votes, random_side(10, 200), resamples=200)
    assert not other.categories[Aspect.VERDICT].kappa.excludes_zero
    assert not other.terms["voice+face"].rank.excludes_zero


def test_halves_of_people_with_known_shares_agree_more_with_more_raters() -> None:
    rng = np.random.default_rng(11)
    p = rng.dirichlet(np.ones(3), (150, 3))
    few, many = (
        Votes(PLAYERS, CLASSES, rng.multinomial(np.full((150, 3), n), p), np.zeros(150, int))
        for n in (6, 200)
    )
    first, second = statistics.compare_halves(few), statistics.compare_halves(many)
    assert all(first[name] < second[name] for name in first)
    assert second["voice"] > 0.95


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (random_side(0, 19), "must explain one output of 20 clips"),
        (
            random_side(0, 20, ("face", "voice")),
            "by voice+face, but explains 1 of 20 by face+voice",
        ),
    ],
)
def test_a_side_of_other_clips_or_players_is_refused(side: statistics.Side, message: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(message)):
        statistics.compare(random_votes(0, 20), side)


def test_people_who_were_shown_one_modality_are_refused() -> None:
    votes, side = random_votes(0, 20, ("voice",)), random_side(0, 20, ("voice",))
    with pytest.raises(InvalidInput, match="people were shown one"):
        statistics.compare(votes, side)


# ---- matching


def test_samples_match_by_name_or_by_file_name() -> None:
    by_name = matching.match_ids(["b", "a", "c"], ["a", "x", "b"])
    assert (by_name.by, by_name.first.tolist(), by_name.second.tolist()) == (
        matching.MatchKey.NAME,
        [0, 1],
        [2, 0],
    )
    names = ["1001_IEO_HAP_LO", "1002_IEO_SAD_LO", "1003_IEO_SAD_XX"]
    files = ["clips/1002_IEO_SAD_LO.flv", "clips\\1001_ieo_hap_lo.wav", "clips/other.wav"]
    by_file = matching.match_ids(names, files)
    assert by_file.by == matching.MatchKey.FILE
    assert by_file.second.tolist() == [1, 0]
    assert matching.file_stem("a/b.c/clip.v2.mp4") == "clip.v2"
    assert matching.file_stem("0.5") == "0.5"
    assert matching.file_stem(".mp4") == ".mp4"


def test_names_of_several_samples_are_left_out() -> None:
    found = matching.match_ids(["a", "b"], ["x/a.wav", "y/a.wav", "b.wav"])
    assert (found.first.tolist(), found.second.tolist(), found.ambiguous) == ([1], [2], 1)


@pytest.mark.parametrize(
    ("available", "given", "groups"),
    [
        (("face", "voice"), {}, {"voice": ("voice",), "face": ("face",)}),
        (("Audio", "vision"), {}, {"voice": ("Audio",), "face": ("vision",)}),
        (
            ("text", "audio", "video"),
            {"voice": "audio + text"},
            {"voice": ("audio", "text"), "face": ("video",)},
        ),
        (
            ("one", "two"),
            {"face": "one", "voice": "two"},
            {"voice": ("two",), "face": ("one",)},
        ),
    ],
)
def test_modalities_match_by_name_kind_or_hand(available: Any, given: Any, groups: Any) -> None:
    assert matching.match_modalities(PLAYERS, available, given) == groups


@pytest.mark.parametrize(
    ("available", "given", "message"),
    [
        (("audio", "one"), {}, "Modality 'face', which people were shown, matches none"),
        (("audio", "vision", "text"), {}, "also has text, but people were shown voice and face"),
        (("audio", "speech", "vision"), {}, "matches several of the model: audio and speech"),
        (("audio", "vision"), {"voice": "sound"}, "Modality of the model"),
        (("audio", "vision"), {"hands": "audio"}, "Modality that people were shown"),
        (("audio", "vision"), {"voice": "audio+vision"}, "'face', which people were shown"),
        (("a", "b"), {"voice": "a", "face": "a+b"}, "a of the model is matched twice"),
    ],
)
def test_modalities_that_do_not_match_are_refused(available: Any, given: Any, message: str) -> None:
    with pytest.raises(QFusionError, match=re.escape(message)):
        matching.match_modalities(PLAYERS, available, given)


def test_classes_match_by_name_abbreviation_or_hand() -> None:
    assert matching.match_classes(CLASSES, ("SAD", "Anger", "hap")).tolist() == [1, 2, 0]
    assert matching.match_classes(("sad", "calm"), ("sadness", "Sad", "calm")).tolist() == [1, 2]
    assert matching.match_classes(CLASSES, ("sad", "happy", "calm")).tolist() == [-1, 1, 0]
    given = {"anger": "calm"}
    assert matching.match_classes(CLASSES, ("sad", "happy", "calm"), given).tolist() == [2, 1, 0]
    with pytest.raises(InvalidInput, match=re.escape("must match: say which, such as anger=ANG")):
        matching.match_classes(CLASSES, ("sad", "calm"))
    with pytest.raises(InvalidInput, match="Two classes of people match one"):
        matching.match_classes(CLASSES, ("sad", "happy"), {"anger": "sad"})
    with pytest.raises(NotFound, match="Class of the model"):
        matching.match_classes(CLASSES, ("sad", "happy"), {"anger": "joy"})


@pytest.mark.parametrize("text", ["voice", "voice=", "=audio", "voice=a,voice=b"])
def test_matches_that_are_written_otherwise_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="A match of names"):
        crowd_comparison.parse_names(text)


# ---- studies


@pytest.fixture(name="people", scope="module")
def open_people() -> Study:
    return study.open_study("crowd")


@pytest.fixture(name="model", scope="module")
def open_model() -> Study:
    return study.open_study("qj-crowd")


def test_the_clips_of_the_crowd_are_test_samples_of_the_model(people: Study, model: Study) -> None:
    clips = crowd_comparison.match_clips(people, model)
    assert len(clips) == 600
    assert (clips.only_people, clips.only_model, clips.other_split) == (0, 2400, 0)
    assert set(model.dataset.split[clips.model]) == {"test"}
    assert (people.dataset.ids[clips.people] == model.dataset.ids[clips.model]).all()
    actors = model.dataset.table["actor"]
    parts = [set(actors[model.dataset.split == part]) for part in ("train", "valid", "test")]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]
    emotions = people.dataset.table["acted emotion"].to_numpy()
    names = np.array(model.classes)[model.dataset.y[clips.model]]
    assert (emotions[clips.people] == names).all()


def test_terms_of_the_model_are_those_of_the_class_whose_votes_are_explained(
    people: Study, model: Study
) -> None:
    result = crowd_comparison.compare_with_crowd(people, model)
    votes = crowd_summary.study_votes(people)
    for row in (3, 77, 512):
        own = model.dividends(row, int(votes.explained[row]))
        assert result.model_terms[row] == pytest.approx(list(own.values())[1:], abs=1e-9)
        assert result.model_class[row] == model.classes[model.predicted[row]]
    right = (model.predicted[:600] == votes.explained).mean()
    assert result.model_right == pytest.approx(right)
    assert result.people_right == pytest.approx(
        crowd_summary.summarize_crowd(people).accuracy["voice+face"]
    )
    frame = result.clip_frame(result.result.only_people)
    assert (frame["people_verdict"] == "joint").all()
    assert (frame["model_verdict"] != "joint").all()


def test_probabilities_have_the_ceiling_of_shares(people: Study, model: Study) -> None:
    choices = crowd_comparison.Choices(scale="probability")
    result = crowd_comparison.compare_with_crowd(people, model, choices)
    rows = np.arange(600)
    votes = crowd_summary.study_votes(people)
    scores = softmax(model.explanation.logits[:600], -1)[rows, :, votes.explained]
    terms = coalition_algebra.dividends(scores[..., None], 2)[:, 1:, 0]
    assert result.model_terms == pytest.approx(terms)
    ranks = result.joint_ranks
    assert ranks["probability"].value == pytest.approx(result.result.terms["voice+face"].rank.value)
    assert ranks["log-odds"].high < 0 < ranks["probability"].low


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "valid"}, "Split"),
        ({"scale": "odds"}, "Scale"),
        ({"modalities": "voice=text"}, "Modality of the model"),
        ({"classes": "joy=happy"}, "Class of people"),
    ],
)
def test_choices_that_do_not_exist_are_refused(
    people: Study, model: Study, options: dict[str, str], message: str
) -> None:
    with pytest.raises(QFusionError, match=message):
        crowd_comparison.match_clips(people, model, crowd_comparison.Choices(**options))


@pytest.mark.parametrize("scale", crowd_comparison.SCALES)
def test_the_waterfall_of_a_clip_is_on_the_chosen_scale(
    people: Study, model: Study, scale: str
) -> None:
    choices = crowd_comparison.Choices(scale=scale)
    result = crowd_comparison.compare_with_crowd(people, model, choices)
    clips = result.clips
    for place in (0, 7):
        sides = compare.Sides(
            Sample(people, int(clips.people[place])), Sample(model, int(clips.model[place]))
        )
        pair = crowd_comparison.open_pair(sides, choices)
        assert pair is not None
        terms = [value for name, value in pair.model.items() if name]
        assert terms == pytest.approx(result.model_terms[place])
        if scale == crowd_comparison.PROBABILITY:
            assert 0 <= sum(pair.model.values()) <= 1


def test_models_that_cannot_stand_beside_people_are_refused(people: Study, model: Study) -> None:
    with pytest.raises(InvalidInput, match="are people, too"):
        crowd_comparison.match_clips(people, people)
    with pytest.raises(InvalidInput, match="is another kind of model"):
        crowd_comparison.match_clips(model, people)
    with pytest.raises(InvalidInput, match="must decide among classes"):
        crowd_comparison.match_clips(people, study.open_study("qj-planted"))
    with pytest.raises(InvalidInput, match="'voice', which people were shown, matches none"):
        crowd_comparison.match_clips(people, study.open_study("qj-parity"))


def part_of(study: Study, change: Any) -> Study:
    """The study of a data set that is changed, with results of its own."""
    return study.with_data(change(study.dataset))


def renamed_set(dataset: DataSet, form: str) -> DataSet:
    ids = np.array([form.format(name) for name in dataset.ids])
    return replace(dataset, ids=ids, table=dataset.table.set_axis(ids))


def test_too_few_clips_are_refused_with_the_reason(people: Study, model: Study) -> None:
    renamed = part_of(model, lambda d: renamed_set(d, "other-{}"))
    with pytest.raises(InvalidInput, match=re.escape("but 0 are; names look like 'clip-0001'")):
        crowd_comparison.match_clips(people, renamed)
    numbers = np.arange(len(model.dataset))
    parts = np.where(numbers < 590, "train", np.where(numbers < 2990, "valid", "test"))
    trained = part_of(model, lambda d: replace(d, split=parts))
    with pytest.raises(InvalidInput, match=re.escape("but 0 are; 600 clips are in other parts")):
        crowd_comparison.match_clips(people, trained)
    everything = crowd_comparison.Choices(split="all")
    assert len(crowd_comparison.match_clips(people, trained, everything)) == 600


def test_clips_match_by_file_name_and_others_are_counted(people: Study, model: Study) -> None:
    paths = part_of(
        model,
        lambda d: renamed_set(d, "recordings/{}.mp4"),
    )
    clips = crowd_comparison.match_clips(people, paths)
    assert clips.by == matching.MatchKey.FILE
    assert len(clips) == 600
    sentence = words.describe_match(clips, "people", "this model")
    assert sentence == (
        "600 clips that people rated are samples of this model, matched by file name, without folder and ending; left "
        "out: 2,400 samples of this model that nobody rated"
    )


def test_clips_that_neither_side_fuses_alone_are_said(people: Study, model: Study) -> None:
    """Where one side has none, the figure says so."""
    figure = scatter_map.nearest_bars([], np.zeros(0), [], empty="On no clip.")
    assert figure.layout.annotations[0].text == "On no clip."
    assert figure.layout.xaxis.visible is False
    clips = crowd_comparison.match_clips(people, model)
    called = words.describe_match(replace(clips, class_names={"anger": "ANG"}), "a", "b")
    assert called.endswith("; of the classes, anger is ANG")


# ---- what is said


def test_sentences_follow_from_intervals(people: Study, model: Study) -> None:
    result = crowd_comparison.compare_with_crowd(people, model)
    decisions, verdicts = words.describe_decisions(result), words.describe_verdicts(result)
    assert "90% of 600 clips, the model's class on 81%" in decisions
    assert "more than by chance (κ +0.77" in decisions
    assert "more than by chance" in verdicts
    fusing = words.describe_fusing(result)
    assert fusing.startswith("People fuse jointly more often than the model")
    assert "for the model alone on 3 clips, for people alone on 128" in fusing
    assert "18% for as many raters who vote with the model's probabilities" in fusing
    terms = words.describe_terms(result)
    assert terms.startswith("The model's contributions of voice (ρ = +0.82")
    assert "the model's contributions of voice+face (ρ = -0.35 [-0.42, -0.29]) fall where" in terms
    wide = bootstrap.Interval(0.0, -0.1, 0.1, 600, 2000)
    unsure = replace(result, result=replace(result.result, fuses_more=wide))
    assert words.describe_fusing(unsure).startswith("That people or the model fuse jointly more")
    noisy = replace(result, result=replace(result.result, fuses_more_voted=wide))
    assert words.describe_fusing(noisy).startswith("That people or the model fuse jointly more")
    raw = replace(result.result, fusing_voted=None, fuses_more_voted=None)
    assert "raters" not in words.describe_fusing(replace(result, result=raw))
    one = result.result.categories[Aspect.VERDICT]
    for kappa, said in (
        (bootstrap.Interval(0.01, -0.05, 0.07, 600, 2000), "not distinguishable from chance"),
        (bootstrap.Interval(-0.1, -0.2, -0.02, 600, 2000), "less than by chance"),
        (bootstrap.Interval(0.3, np.nan, np.nan, 9, 0), "too few groups for an interval"),
        (
            bootstrap.Interval(np.nan, np.nan, np.nan, 9, 0),
            "both sides have one and the same category",
        ),
    ):
        categories = dict(result.result.categories) | {Aspect.VERDICT: replace(one, kappa=kappa)}
        other = replace(result, result=replace(result.result, categories=categories))
        assert said in words.describe_verdicts(other)


def test_people_are_not_said_to_fuse_more_for_the_noise_of_few_raters() -> None:
    """Ten people who vote with the probabilities of a model that never fuses have joint verdicts."""
    rng = np.random.default_rng(0)
    values = np.full((400, 4, 1), 0.25)
    values[:, 1:3, 0] += rng.uniform(0, 0.3, (400, 2))
    values[:, 3, 0] = values[:, 1:3, 0].sum(1) - 0.25
    explanation = explained(values)
    counts = np.zeros((400, 3, 4), int)
    counts[..., 0] = rng.binomial(10, values[:, 1:, 0])
    counts[..., 1:] = rng.multinomial(10 - counts[..., 0], [1 / 3] * 3)
    places = np.arange(400) % 4  # the explained class is every one as often
    votes = Votes(
        PLAYERS,
        (*CLASSES, "fear"),
        np.stack([np.roll(counts[row], places[row], axis=-1) for row in range(400)]),
        places,
    )
    model = statistics.Side(explanation, places, 0.25)
    found = statistics.compare(votes, model, probabilities=explanation)
    assert found.fusing["model alone"].value == 0
    assert found.fuses_more.high < -0.15
    assert found.fuses_more_voted is not None
    assert found.fuses_more_voted.low < 0 < found.fuses_more_voted.high
    many = statistics.vote_with_probabilities(explanation, np.full((400, 3), 100_000), 0.25)
    assert many.mean() < 0.01


def test_ties_on_all_clips_and_classes_of_the_votes_themselves_are_said(
    people: Study, model: Study
) -> None:
    result = crowd_comparison.compare_with_crowd(people, model)
    chosen = words.describe_decisions(replace(result, target=CHOSEN_BY_VOTES))
    assert chosen.startswith("The model's class is the class of the majority on 81% of 600 clips;")
    nothing = bootstrap.Interval(np.nan, np.nan, np.nan, 0, 0)
    one = replace(result.result.categories[Aspect.DECISION], rate=nothing, kappa=nothing)
    categories = dict(result.result.categories) | {Aspect.DECISION: one}
    tied = replace(result, result=replace(result.result, categories=categories))
    assert words.describe_decisions(tied).endswith("; people's vote is tied on all of them")


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert not ended.value.code, arguments


def test_the_command_sets_people_beside_a_model(
    people: Study, model: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    run("people", "--model", "crowd", "--beside", "qj-crowd", "--json")
    record = json.loads(capsys.readouterr().out)
    result = crowd_comparison.compare_with_crowd(people, model)
    assert record["clips"] == 600
    assert len(record["says"]) == 6
    assert len(record["joint_alone"]["people"]) == 128
    kappas = [one.kappa.value for one in result.result.categories.values()]
    assert [row["kappa"] for row in record["agreement"]] == kappas
    run("people", "--model", "crowd", "--beside", "qj-crowd", "--scale", "probability")
    shown = capsys.readouterr().out
    assert "Agreement of people and model" in shown
    assert "Clips whose verdict is joint for the model alone: 10 of 20" in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--by", "kind", "--beside", "qj-crowd"), "cannot be combined"),
        (("--match", "voice=audio"), "--match needs `--beside MODEL`"),
    ],
)
def test_options_that_would_be_ignored_are_refused(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(("people", "--model", "crowd", *options))
    assert ended.value.code == 1
    assert message in capsys.readouterr().err
