"""Crowds: ratings that were read, the game of votes, its intervals, and what votes tell."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from qfusion import cli, data
from qfusion.errors import InvalidInput, QFusionError
from qfusion.explain import bootstrap, interval_ends
from qfusion.explain.coalitions import classify_relations
from qfusion.models import coalition_algebra
from qfusion.models.measured_game import Game
from qfusion.plugins.people import ratings
from qfusion.plugins.people.crowd import (
    crowd_groups,
    crowd_summary,
    rater_noise,
    vote_means as crowd,
    words,
)
from qfusion.plugins.people.sources import crowd as crowd_source, simulated_crowd
from qfusion.plugins.people.votes import CHOSEN_BY_VOTES, Votes
from qfusion.plugins.why import evidence
from qfusion.plugins.why.information.information_parts import exact
from qfusion.study import open_study
from qfusion.study.opening import open_sample
from qfusion.training import checkpoint, checkpoint as stored_games
from qfusion.views import decision
from qfusion.views.pages import catalogue
from qfusion.views.pages.panel import drawn

CLASSES = ("anger", "happy", "sad")


def random_votes(seed: int = 0, clips: int = 30, players: int = 2) -> Votes:
    rng = np.random.default_rng(seed)
    names = ("voice", "face", "hands")[:players]
    conditions = 2**players - 1
    p = rng.dirichlet(np.ones(len(CLASSES)), (clips, conditions))
    counts = rng.multinomial(rng.integers(4, 12, (clips, conditions)), p)
    return Votes(names, CLASSES, counts, rng.integers(0, len(CLASSES), clips))


def wide_table(votes: Votes) -> pd.DataFrame:
    rows = []
    for clip in range(len(votes)):
        for place, condition in enumerate(votes.conditions):
            row: dict[str, Any] = {"clip": f"c{clip}", "condition": condition}
            row |= dict(zip(votes.classes, votes.counts[clip, place].tolist(), strict=True))
            row["intended"] = votes.classes[votes.explained[clip]]
            row["group"] = f"actor {clip % 12}"
            rows.append(row)
    return pd.DataFrame(rows)


def long_table(votes: Votes) -> pd.DataFrame:
    wide = wide_table(votes)
    rows = []
    for row in wide.to_dict("records"):
        for name in votes.classes:
            one = {key: row[key] for key in ("clip", "condition", "intended", "group")}
            rows += [one | {"rating": name}] * int(row[name])
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


@pytest.mark.parametrize("players", [2, 3])
def test_both_forms_of_a_table_hold_the_same_votes(players: int) -> None:
    votes = random_votes(players=players)
    wide = ratings.read_ratings(wide_table(votes), classes=CLASSES)
    assert (wide.votes.counts == votes.counts).all()
    assert (wide.votes.explained == votes.explained).all()
    long = ratings.read_ratings(long_table(votes), players=votes.players)
    order = [long.votes.classes.index(name) for name in CLASSES]
    rows = [long.ids.tolist().index(name) for name in wide.ids]
    assert (long.votes.counts[rows][..., order] == votes.counts).all()
    assert long.clusters is not None
    assert long.clusters.unit == "groups"


def test_values_are_shares_and_contributions_add_up() -> None:
    votes = random_votes()
    table = ratings.read_ratings(wide_table(votes), classes=CLASSES).game()
    own = votes.explained[3]
    total = votes.counts.sum((0, 1))
    assert table.values[3, 0, 0] == pytest.approx(total[own] / total.sum())
    for place in range(3):
        share = votes.counts[3, place, own] / votes.counts[3, place].sum()
        assert table.values[3, 1 + place, 0] == pytest.approx(share)
    dividends = coalition_algebra.dividends(table.values, 2)
    assert dividends.sum(1) == pytest.approx(table.values[:, -1])
    assert table.errors is not None
    # errors of the joint contribution: those of its three shares, as they are independent
    n = votes.raters[3]
    p = (votes.counts[3, :, own] + 0.5) / (n + 1)
    assert table.errors[3, 3, 0] == pytest.approx(np.sqrt((p * (1 - p) / n).sum()))


def test_clips_without_a_condition_or_with_few_raters_are_left_out_and_named() -> None:
    votes = random_votes()
    frame = wide_table(votes)
    frame = frame.drop(index=[0])  # c0 by voice
    frame.loc[(frame["clip"] == "c4") & (frame["condition"] == "face"), list(CLASSES)] = [1, 1, 0]
    result = ratings.read_ratings(frame, classes=CLASSES)
    assert set(result.ids) == {f"c{k}" for k in range(30)} - {"c0", "c4"}
    assert result.remarks == (
        "1 clip lacks a condition and is left out: 'c0'.",
        "1 clip has fewer than 3 raters in a condition and is left out: 'c4'.",
    )
    assert len(ratings.read_ratings(frame, classes=CLASSES, fewest=2).ids) == 29


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda f: f.drop(columns="clip"), {}, "must have a column `clip`"),
        (lambda f: f.drop(columns="condition"), {}, "must have a column `condition`"),
        (lambda f: f, {"classes": ("anger", "fear")}, "none called 'fear'"),
        (lambda f: f, {"classes": ()}, "must have a column `rating`"),
        (lambda f: f.assign(anger=0.5), {}, "whole numbers, 0 or more, but row 1 does not"),
        (lambda f: f.assign(anger=-1), {}, "whole numbers, 0 or more, but row 1 does not"),
        (lambda f: f.assign(anger="many"), {}, "must hold finite numbers"),
        (lambda f: pd.concat([f, f.iloc[:1]]), {}, "clip 'c0' has several for 'voice'"),
        (lambda f: f[f["condition"] != "voice+face"], {}, "nobody rated any in `voice+face`"),
        (
            lambda f: f.assign(condition=f["condition"].where(f.index > 0, "")),
            {},
            "row 1 names no modality",
        ),
        (lambda f: f.assign(intended="joy"), {}, "but names `joy`"),
        (lambda f: f.assign(intended=[*CLASSES] * 30), {}, "must hold the same class in all rows"),
        (lambda f: f, {"explained": "joy"}, "Explained class"),
        (lambda f: f, {"fewest": 1}, "2 or more, but is 1"),
        (lambda f: f, {"fewest": 99}, "At least one clip must have 99 raters"),
        (lambda f: f.iloc[:0], {}, "must have rows"),
        (lambda f: f, {"classes": ("anger",)}, "among two classes or more"),
        (lambda f: f, {"classes": ("anger", "anger")}, "`anger` is named twice"),
        (lambda f: f, {"classes": ("anger", "clip")}, "`clip` is named twice"),
        (lambda f: f, {"group": "actor"}, "must have a column `actor`"),
        (lambda f: f, {"intended": "acted"}, "must have a column `acted`"),
        (lambda f: f, {"condition": "clip"}, "must be in two columns"),
        (lambda f: f, {"classes": (), "rating": "condition"}, "is that of clips or conditions"),
        (lambda f: f.assign(group=range(90)), {}, "the same group in all rows of a clip"),
        (lambda f: f.assign(group=None), {}, "is empty for 30 clips"),
        (lambda f: f.assign(anger=1e300), {}, "at most 1,000,000, but row 1 holds 1e+300"),
        (lambda f: f.assign(anger=2**62), {}, "at most 1,000,000"),
        (lambda f: pd.concat([f, f[["anger"]]], axis=1), {}, "must have different names"),
        (lambda f: f.assign(clip=None), {}, "Column `clip` must name one in every row"),
        (lambda f: f, {"players": ("voice",)}, "Column `condition` must name players among voice"),
        (
            lambda f: f.rename(columns={"anger": "a" * 61}),
            {"classes": ("a" * 61, "happy")},
            "at most 60 printable characters",
        ),
    ],
)
def test_bad_tables_are_refused_with_a_reason(change: Any, options: Any, words: str) -> None:
    frame = change(wide_table(random_votes()))
    with pytest.raises(QFusionError, match=re.escape(words)):
        ratings.read_ratings(frame, **{"classes": CLASSES} | options)


def test_a_column_that_changes_within_a_clip_is_left_out_and_said() -> None:
    frame = wide_table(random_votes()).assign(order=range(90), level="low")
    result = ratings.read_ratings(frame, classes=CLASSES)
    assert result.remarks == ("1 column that changes within a clip was not read: `order`.",)
    assert "level" in result.columns


def test_other_columns_may_have_the_names_of_other_tables() -> None:
    votes = random_votes()
    frame = wide_table(votes).assign(sample=1, rating=2, output="x", y=3)
    result = ratings.read_ratings(frame, classes=CLASSES)
    assert (result.votes.counts == votes.counts).all()
    assert {"sample", "rating", "output", "y"} <= set(result.columns)


def test_classes_may_be_numbers() -> None:
    votes = random_votes()
    places = dict(zip(CLASSES, (1.0, 2.0, 3.0), strict=True))
    frame = wide_table(votes).rename(columns={"anger": 1, "happy": 2, "sad": 3})
    result = ratings.read_ratings(
        frame.assign(intended=frame["intended"].map(places)), classes=(1, 2, 3)
    )
    assert result.votes.classes == ("1", "2", "3")
    assert (result.votes.explained == votes.explained).all()


def test_without_an_intended_class_that_of_the_majority_is_explained() -> None:
    votes = random_votes()
    result = ratings.read_ratings(wide_table(votes).drop(columns="intended"), classes=CLASSES)
    assert result.target == "class of the majority"
    assert (result.votes.explained == votes.counts[:, -1].argmax(-1)).all()
    sad = ratings.read_ratings(wide_table(votes), classes=CLASSES, explained="sad")
    assert (sad.votes.explained == CLASSES.index("sad")).all()


def mean_dividends(votes: Votes) -> np.ndarray:
    return coalition_algebra.dividends(votes.values[..., None], len(votes.players))[..., 0].mean(0)


def contribution_errors(means: crowd.Means) -> np.ndarray:
    return np.array(
        [(term.raters.high - term.raters.low) / 2 for term in means.contributions.values()]
    )


def test_intervals_over_raters_are_those_of_drawing_votes_anew() -> None:
    """Drawing n votes anew from the shares has the variance of the estimate times (n - 1) / n."""
    votes = random_votes(1, clips=40)
    votes = Votes(votes.players, votes.classes, votes.counts * 30, votes.explained)
    rng = np.random.default_rng(2)
    drawn = [
        mean_dividends(
            Votes(
                votes.players,
                votes.classes,
                rng.multinomial(votes.raters, votes.shares),
                votes.explained,
            )
        )
        for _ in range(3000)
    ]
    expected = 1.959964 * np.std(drawn, 0)
    assert contribution_errors(crowd.mean_terms(votes)) == pytest.approx(expected, rel=0.06)


@pytest.mark.slow
def test_intervals_over_raters_cover_the_truth() -> None:
    hits = []
    for seed in range(500):
        simulated = simulated_crowd.simulate_crowd(seed, 120)
        votes = Votes(
            simulated_crowd.PLAYERS,
            simulated_crowd.CLASSES,
            simulated.draw_votes(np.random.default_rng(10_000 + seed)),
            simulated.explained,
        )
        truth = crowd_source.true_contributions(simulated).mean().to_dict()
        found = crowd.mean_terms(votes).contributions
        hits.append(
            [found[name].raters.low <= truth[name] <= found[name].raters.high for name in truth]
        )
    covered = np.mean(hits, 0)
    assert ((covered >= 0.93) & (covered <= 0.97)).all(), covered


def test_means_of_some_clips_keep_the_base_rates_of_all() -> None:
    votes = random_votes(3)
    rows = np.flatnonzero(votes.explained == 1)
    means = crowd.mean_terms(votes, rows)
    assert means.shares[""].value == pytest.approx(votes.base_rates[1])
    assert means.clips == len(rows)
    assert means.joint is not None
    assert means.joint.value == pytest.approx(means.contributions["voice+face"].value)


@pytest.mark.parametrize("players", [2, 3])
def test_agreement_counts_what_a_loop_counts(players: int) -> None:
    votes = random_votes(4, 200, players)
    found = crowd.agreement(votes)
    majorities = votes.majorities
    untied = all_same = neither = agree = several = 0
    follows = dict.fromkeys(votes.players, 0)
    for row in range(200):
        single, full = majorities[row, :players].tolist(), int(majorities[row, -1])
        if -1 in (*single, full):
            continue
        untied += 1
        same = [one == full for one in single]
        all_same += all(same)
        neither += not any(same)
        agree += not any(same) and len(set(single)) == 1
        several += 1 < sum(same) < players
        if sum(same) == 1:
            follows[votes.players[same.index(True)]] += 1
    assert found == crowd.Agreement(200, untied, all_same, follows, several, neither, agree)


def test_information_is_that_of_the_joint_distribution() -> None:
    votes = random_votes(5, 60)
    found = crowd.information(votes, resamples=0)
    p = np.zeros((3, 3, 3))
    both = np.zeros((3, 3))
    for row in range(60):
        voice, face, together = votes.shares[row]
        p[:, :, votes.explained[row]] += np.outer(voice, face) / 60
        both[:, votes.explained[row]] += together / 60
    parts = exact(p, names=votes.players)
    assert found.redundancy.value == pytest.approx(parts["voice|face"], abs=1e-5)
    assert found.unique["voice"].value == pytest.approx(parts["voice"], abs=1e-5)
    assert found.synergy.value == pytest.approx(parts["voice+face"], abs=1e-5)
    expected = both * np.log2(
        both / (both.sum(0) * both.sum(1)[:, None]), where=both > 0, out=np.zeros((3, 3))
    )
    assert found.together.value == pytest.approx(expected.sum())


def test_votes_by_chance_are_not_said_to_tell_more_or_less_together() -> None:
    """Few clips make the information of two votes, which has more cells, larger than that of one."""
    wrong = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(10, [1 / 4] * 4, (60, 3))
        votes = Votes(("voice", "face"), (*CLASSES, "fear"), counts, rng.integers(0, 4, 60))
        found = crowd.information(votes, resamples=60, seed=seed)
        wrong += found.fused.excludes_zero
        parts = [found.redundancy, found.synergy, *found.unique.values()]
        assert all(0 <= part.low <= part.value <= part.high for part in parts)
        assert sum(part.value for part in parts) < 0.03
    assert wrong <= 2


def test_what_people_add_together_is_compared_with_the_sum_of_both_alone() -> None:
    """Both together move votes more than each alone, and yet less than the sum."""
    rng = np.random.default_rng(0)
    shares = {"voice": 0.5, "face": 0.6, "voice+face": 0.7}
    votes = votes_of(rng, shares, clips=200)
    means = crowd.mean_terms(votes)
    moved = means.shares["voice+face"].value - means.shares[""].value
    assert moved > max(means.contributions["voice"].value, means.contributions["face"].value)
    sentence = words.describe_fusion(means, "acted emotion")
    assert "less than the sum of what each adds alone: people fuse redundantly" in sentence
    assert "95% CI over clips" in sentence
    few = words.describe_fusion(crowd.mean_terms(votes, rows=np.arange(5)), "acted emotion")
    assert few.startswith("On 5 clips, people who are shown everything")
    assert "95% CI over raters" in few


def votes_of(rng: np.random.Generator, shares: dict[str, float], clips: int) -> Votes:
    """Votes of ten people, by condition so often for the first of four classes."""
    counts = np.stack(
        [rng.multinomial(10, [p, *[(1 - p) / 3] * 3], clips) for p in shares.values()], 1
    )
    explained = np.arange(clips) % 4
    for row, number in enumerate(explained):
        counts[row] = np.roll(counts[row], number, axis=-1)
    return Votes(("voice", "face"), (*CLASSES, "fear"), counts, explained)


def test_intervals_over_clips_resample_the_base_rates() -> None:
    """Where one class is explained on all clips, its base rate changes with the clips, and contributions with it."""
    votes = random_votes(11, 60)
    one = replace(votes, explained=np.zeros(60, int))
    means = crowd.mean_terms(one)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(1000):
        counts = one.counts[rng.integers(0, 60, 60)]
        drawn.append(first_class_terms(counts))
    base, voice, joint = np.array(drawn).T
    for term, values in (
        (means.shares[""], base),
        (means.contributions["voice"], voice),
        (means.contributions["voice+face"], joint),
    ):
        low, high = np.quantile(values, bootstrap.EDGES)
        width = term.groups.high - term.groups.low
        assert width == pytest.approx(high - low, rel=0.15)
        assert term.groups.low == pytest.approx(low, abs=0.15 * width)
    of_all = crowd.mean_terms(one, rows=np.arange(60)).contributions["voice"].groups
    assert of_all == means.contributions["voice"].groups


def first_class_terms(counts: np.ndarray) -> tuple[float, float, float]:
    """Return the base rate of the first class, and the contributions of the voice and of both to its share."""
    base = counts[..., 0].sum() / counts.sum()
    voice, face, both = (counts[..., 0] / counts.sum(-1)).mean(0)
    return base, voice - base, both - voice - face + base


def test_a_class_that_votes_chose_themselves_shows_no_synergy() -> None:
    """Of votes by chance, the class with most votes has a share above chance."""
    counts = np.random.default_rng(0).multinomial(10, [1 / 6] * 6, (200, 3))
    names = tuple("abcdef")
    votes = Votes(("voice", "face"), names, counts, counts[:, -1].argmax(-1))
    means = crowd.mean_terms(votes)
    assert means.joint is not None
    assert means.joint.groups.low > 0.1
    sentence = words.describe_fusion(means, CHOSEN_BY_VOTES)
    assert "cannot be concluded, as these votes chose the class themselves" in sentence
    assert "synergistically" not in sentence
    told = words.describe_information(crowd.information(votes, resamples=50), CHOSEN_BY_VOTES)
    assert "people find together" not in told
    assert told.endswith("which is too much, as these votes chose the class themselves")
    redundant = votes_of(
        np.random.default_rng(1), {"voice": 0.9, "face": 0.9, "voice+face": 0.9}, 100
    )
    selected = replace(redundant, explained=redundant.counts[:, -1].argmax(-1))
    assert "redundantly" in words.describe_fusion(crowd.mean_terms(selected), CHOSEN_BY_VOTES)


def test_the_majority_agrees_with_modalities_that_agree_or_not() -> None:
    found = crowd.Agreement(20, 15, 4, {"voice": 3, "face": 2}, 0, 6, 1)
    by_chance = bootstrap.Interval(2.1, 0, 4, 20, 200)
    assert words.describe_agreement(found, by_chance, ("voice", "face")) == (
        "Of 15 clips without ties, the majority that is shown everything agrees with every single modality in 4; "
        "follows the voice alone in 3 and the face alone in 2; and says what no single modality says in 6 (in 1 of "
        "these, the single modalities agree with one another), 4 more than the sampling of raters gives if each of "
        "them votes as one who is shown a single modality (2, 95% of simulations 0 to 4)"
    )
    for low, high, said in ((0, 6, "as many as"), (8, 12, "4 fewer than")):
        other = bootstrap.Interval((low + high) / 2, low, high, 20, 200)
        assert f", {said} the sampling of raters gives" in words.describe_agreement(
            found, other, ("voice", "face")
        )
    assert words.describe_agreement(found, None, ("voice",)) == "People were shown the voice only"


def test_the_number_by_chance_is_that_of_raters_who_do_not_fuse() -> None:
    """Raters who are shown both vote as one of the two; of others, most name a third class."""
    rng = np.random.default_rng(0)
    single = rng.dirichlet(np.full(3, 0.5), (400, 2))
    weight = rng.random((400, 1))
    together = weight * single[:, 0] + (1 - weight) * single[:, 1]

    def crowd_of(last: np.ndarray) -> Votes:
        shares = np.concatenate([single, last[:, None]], 1)
        return Votes(("voice", "face"), CLASSES, rng.multinomial(10, shares), np.zeros(400, int))

    alone = crowd_of(together)
    expected = rater_noise.neither_by_chance(alone, 50)
    assert crowd.agreement(alone).neither == pytest.approx(expected.value, abs=3 * 6)
    third = np.eye(3)[single.sum(1).argmin(1)] * 0.8 + 0.2 / 3
    fusing = crowd_of(third)
    assert crowd.agreement(fusing).neither > 2 * rater_noise.neither_by_chance(fusing, 50).high


def test_information_of_one_class_or_three_modalities_is_refused() -> None:
    votes = random_votes()
    same = Votes(votes.players, votes.classes, votes.counts, np.zeros(len(votes), int))
    with pytest.raises(InvalidInput, match="all clips have the same"):
        crowd.information(same)
    with pytest.raises(InvalidInput, match="two modalities, but there are 3"):
        crowd.information(random_votes(players=3))


def test_the_simulated_crowd_ships_as_its_seed_makes_it() -> None:
    study = open_study("crowd")
    votes = crowd_summary.study_votes(study)
    assert (votes.counts == crowd_source.read_crowd().votes.counts).all()
    summary = crowd_summary.summarize_crowd(study)
    assert summary.means.clips == 600
    by_kind = crowd_summary.group_means(study, "kind")
    assert by_kind["third"].contributions["voice+face"].groups.low > 0
    assert by_kind["alike"].contributions["voice+face"].groups.high < 0
    truth = crowd_source.true_contributions(simulated_crowd.simulate_crowd(2026, 600)).to_numpy()
    is_joint = (
        classify_relations(truth[:, 0], truth[:, 1:3], truth[:, 3:], boundary=None) == "joint"
    )
    assert is_joint.mean() == pytest.approx(0.107, abs=5e-4), "docs/plugins/people.md gives it"
    sentences = words.describe_crowd(summary, study.modalities)
    assert "than the sum of what each adds alone is not shown" in sentences[0]
    assert "people find together what pooled votes lack" in sentences[2]
    # every clip's contributions are those of its table, and known from its probabilities
    assert study.dataset.truth is not None
    truth = study.dataset.truth["voice+face"].to_numpy()
    measured = coalition_algebra.dividends(votes.values[..., None], 2)[:, 3, 0]
    assert np.corrcoef(truth, measured)[0, 1] > 0.75


def test_the_waterfall_has_the_intervals_of_its_terms() -> None:
    sample = open_sample("crowd", "clip-0003")
    picture = drawn(decision.waterfall)(sample)
    assert picture.figure is not None
    [whiskers] = [trace for trace in picture.figure.data if trace.error_x.array is not None]
    errors = sample.explanation.errors
    assert errors is not None
    assert list(whiskers.error_x.array) == pytest.approx((1.96 * errors[0, 1:, 0]).tolist())
    dividends = list(sample.dividends.values())
    assert list(whiskers.x) == pytest.approx(np.cumsum(dividends)[1:].tolist())
    assert picture.numbers["standard_error"].tolist() == pytest.approx(errors[0, :, 0].tolist())
    of_network = drawn(decision.waterfall)(open_sample("qj-parity", "pair-0001"))
    assert of_network.figure is not None
    assert all(
        trace.error_x.array is None for trace in of_network.figure.data if trace.type == "scatter"
    )


def test_a_model_that_is_no_crowd_is_refused(parity: Any) -> None:
    assert not crowd_summary.has_votes(parity)
    with pytest.raises(InvalidInput, match="is another kind of model"):
        crowd_summary.summarize_crowd(parity)


@pytest.fixture(name="parity")
def open_parity() -> Any:
    return open_study("qj-parity")


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code, words


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for imported sets and models of one test."""
    for name in ("MODELS", "IMPORTED"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name.lower()))
    return tmp_path


def import_random_votes(folder: Path, clips: int, name: str, *options: str) -> None:
    table = folder / "votes.csv"
    wide_table(random_votes(6, clips)).to_csv(table, index=False)
    classes = ",".join(CLASSES)
    run("data", "import-ratings", str(table), "--name", name, "--classes", classes, *options)


def test_ratings_are_imported_and_explained_by_commands(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_random_votes(own_folder, 60, "mine", "--json")
    assert json.loads(capsys.readouterr().out)["clips"] == 60
    again = checkpoint.load("mine").model
    assert isinstance(again, Game)
    assert again.crowd is not None
    assert (again.crowd.counts == random_votes(6, 60).counts).all()
    run("people", "--model", "mine", "--by", "intended", "--json")
    record = json.loads(capsys.readouterr().out)
    assert len(record["says"]) == 4
    assert len(record["differences"]) == 9
    assert set(record["groups"]) == set(CLASSES)
    run("people", "--model", "mine")
    assert "Votes for the intended class" in capsys.readouterr().out
    run("data", "remove", "mine")


def test_intervals_of_few_clips_are_called_too_few(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_random_votes(own_folder, 5, "few")
    run("people", "--model", "few")
    shown = capsys.readouterr().out
    assert "too few" in shown
    assert "nan" not in shown


def test_facts_of_cremad(real_data: Path, tmp_path: Path) -> None:
    """The figures are those that were checked on the published files."""
    card = stored_games.store_source_game("cremad", tmp_path)
    assert card is not None
    study = open_study(card)
    summary = crowd_summary.summarize_crowd(study)
    shares = {name: term.value for name, term in summary.means.shares.items()}
    assert shares["voice"] == pytest.approx(0.397, abs=5e-4)
    assert shares["face"] == pytest.approx(0.572, abs=5e-4)
    assert shares["voice+face"] == pytest.approx(0.629, abs=5e-4)
    contributions = {name: term.value for name, term in summary.means.contributions.items()}
    assert contributions["voice"] == pytest.approx(0.234, abs=5e-4)
    assert contributions["face"] == pytest.approx(0.409, abs=5e-4)
    assert contributions["voice+face"] == pytest.approx(-0.177, abs=5e-4)
    assert summary.agreement == crowd.Agreement(
        7442, 6042, 3034, {"voice": 548, "face": 1887}, 0, 573, 214
    )
    assert summary.by_chance is not None
    assert summary.by_chance.value == pytest.approx(494, abs=5)
    assert summary.by_chance.high < 573
    assert "people fuse redundantly" in words.describe_fusion(summary.means, summary.target)
    assert set(crowd_summary.group_means(study, "level")) == {"low", "medium", "high", "not given"}
    assert data.load("cremad").clusters is not None


# ---- groups of clips


def labelled(votes: Votes, groups: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice([f"g{k}" for k in range(groups)], len(votes))


def test_contrasts_are_differences_of_means_with_resampled_intervals() -> None:
    votes = random_votes(7, 80)
    labels, actors = labelled(votes), (np.arange(80) % 32)[:, None]
    found = crowd_groups.contrast_groups(votes, labels, ["g0", "g1"], actors, resamples=50, seed=3)
    assert [(one.group, one.term) for one in found] == [
        (group, term) for group in ("g0", "g1") for term in ("voice", "face", crowd.JOINT)
    ]
    terms = coalition_algebra.dividends(votes.values[..., None], 2)[:, 1:, 0]
    drawn: list[list[float]] = [[] for _ in found]
    for block in bootstrap.counts(80, 50, 3, actors):
        for counts in block.astype(int):
            rows = np.repeat(np.arange(80), counts)
            for place, one in enumerate(found):
                inside = labels[rows] == one.group
                column = terms[rows, place % 3]
                drawn[place].append(column[inside].mean() - column[~inside].mean())
    for place, one in enumerate(found):
        inside = labels == one.group
        assert one.mean == pytest.approx(terms[inside, place % 3].mean())
        expected = one.mean - terms[~inside, place % 3].mean()
        assert one.difference.value == pytest.approx(expected)
        freedom = min(len(np.unique(actors[part])) - 1 for part in (inside, ~inside))
        ends = np.quantile(drawn[place], interval_ends.edges(freedom + 1))
        assert (one.difference.low, one.difference.high) == pytest.approx(tuple(ends))
        error = np.std(drawn[place]) * np.sqrt((freedom + 1) / freedom)
        assert one.p == pytest.approx(2 * student.sf(abs(expected) / error, freedom))


def test_groups_that_are_single_actors_are_not_tested() -> None:
    votes = random_votes(3, 120)
    actors = np.arange(120) // 10
    labels = np.char.add("actor ", actors.astype(str))
    found = crowd_groups.contrast_groups(votes, labels, ["actor 0", "actor 1"], actors[:, None])
    assert all(np.isnan(one.p) and not one.difference.known for one in found)
    means = {name: crowd.mean_terms(votes, np.flatnonzero(labels == name)) for name in labels[:11]}
    result = crowd_summary.GroupContrasts("actor", "actors", means, found, [np.nan] * len(found))
    assert words.describe_group_contrasts(result) == (
        "Whether contributions differ by actor is unknown: there are too few actors in a group"
    )


def test_a_group_of_no_clip_or_of_all_is_refused() -> None:
    votes = random_votes()
    with pytest.raises(InvalidInput, match="must hold some clips, not all, but holds 0"):
        crowd_groups.contrast_groups(votes, np.full(30, "a"), ["b"])
    with pytest.raises(InvalidInput, match="must hold some clips, not all, but holds 30"):
        crowd_groups.contrast_groups(votes, np.full(30, "a"), ["a"])
    with pytest.raises(InvalidInput, match="must have 30 names, but has 2"):
        crowd_groups.contrast_groups(votes, np.full(2, "a"), ["a"])


@pytest.mark.slow
def test_groups_without_a_difference_are_seldom_said_to_differ() -> None:
    """Holm's correction bounds the chance of any false difference by 5%."""
    wrong = 0
    for seed in range(200):
        votes = random_votes(1000 + seed, 150)
        labels = labelled(votes, 4, seed)
        contrasts = crowd_groups.contrast_groups(
            votes, labels, [f"g{k}" for k in range(4)], resamples=300
        )
        wrong += min(evidence.holm([one.p for one in contrasts])) < 0.05
    assert wrong <= 18  # 200 draws at 5%: 18 or fewer with 99.5%


def test_kinds_of_the_simulated_crowd_differ_and_emotions_do_not() -> None:
    study = open_study("crowd")
    kinds = crowd_summary.contrast_groups(study, "kind")
    joint = {one.group: one for one in kinds.shown if one.term == crowd.JOINT}
    assert joint["third"].difference.low > 0
    assert joint["alike"].difference.high < 0
    title = words.describe_group_contrasts(kinds)
    assert title.startswith("By kind, contributions differ: face for third (-0.13, 0.47 less")
    assert title.endswith("(15 comparisons, Holm)")
    emotions = words.describe_group_contrasts(crowd_summary.contrast_groups(study, "acted emotion"))
    assert emotions.startswith("That contributions differ by acted emotion is not shown: 95%")
    frame = kinds.frame()
    assert len(frame) == 15
    assert (frame["p after Holm"] >= frame["p"]).all()
    clips = crowd_summary.contrast_groups(study, "kind", "clips")
    assert clips.unit == "clips"
    with pytest.raises(QFusionError, match="Resampled"):
        crowd_summary.contrast_groups(study, "kind", "raters")
    with pytest.raises(QFusionError, match="Column"):
        crowd_summary.contrast_groups(study, "level")


def test_groups_are_a_choice_of_the_tab() -> None:
    address = {"model": "crowd", "data": "crowd", "sample": "clip-0003", "crowd.by": "kind"}
    panel = catalogue.build_panel("Faithfulness", "crowd-groups", address)
    assert panel.numbers["kind"].nunique() == 5
    over = catalogue.build_panel(
        "Faithfulness", "crowd-contributions", address | {"crowd.over": "clips"}
    )
    assert "over resampled clips" in over.caption
    with pytest.raises(QFusionError):
        catalogue.build_panel("Faithfulness", "crowd-groups", address | {"crowd.by": "nothing"})


# ---- bad input


def test_sizes_of_peoples_contributions_are_not_called_exact() -> None:
    """Ten raters give the joint terms a size where these are 0."""
    address = {"model": "crowd", "data": "crowd", "sample": "clip-0288"}
    people = catalogue.build_panel("Why fuse", "why-ranking", address)
    assert people.caption.startswith("mean size and mean of the measured contributions")
    assert "with standard errors all are too large" in people.limits
    model = catalogue.build_panel(
        "Why fuse", "why-ranking", address | {"model": "qj-crowd", "data": "crowd-features"}
    )
    assert "exact contributions" in model.caption
    assert "raters" not in model.limits


def test_ties_count_for_no_class_and_are_named() -> None:
    counts = np.array([[[5, 5, 0], [1, 8, 1], [0, 3, 3]], [[6, 1, 1], [2, 2, 2], [9, 0, 0]]])
    votes = Votes(("voice", "face"), CLASSES, counts, np.array([0, 0]))
    assert votes.majorities.tolist() == [[-1, 1, -1], [0, -1, 0]]
    found = crowd.agreement(votes)
    assert (found.clips, found.untied) == (2, 0)
    by_chance = rater_noise.neither_by_chance(votes, 10)
    assert words.describe_agreement(found, by_chance, votes.players) == (
        "Every clip has a tie in some condition"
    )
    assert crowd.majority_accuracy(votes) == {"voice": 0.5, "face": 0.0, "voice+face": 0.5}


def test_the_import_names_the_clips_that_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = wide_table(random_votes(8, 40)).drop(index=[0, 5])
    frame.loc[(frame["clip"] == "c9") & (frame["condition"] == "face"), list(CLASSES)] = [1, 1, 0]
    frame.to_csv(tmp_path / "votes.csv", index=False)
    arguments = ("data", "import-ratings", str(tmp_path / "votes.csv"), "--name", "left-out")
    run(*arguments, "--classes", ",".join(CLASSES), "--check-only", "--json")
    record = json.loads(capsys.readouterr().out)
    assert record["clips"] == 37
    assert record["remarks"] == [
        "2 clips lack a condition and are left out: 'c0', 'c1'.",
        "1 clip has fewer than 3 raters in a condition and is left out: 'c9'.",
    ]
    run(*arguments, "--classes", ",".join(CLASSES), "--check-only")
    assert "'c9'" in capsys.readouterr().out


def test_a_clip_that_is_tied_says_so() -> None:
    study = open_study("crowd")
    votes = crowd_summary.study_votes(study)
    row = int(np.flatnonzero(votes.majorities[:, -1] < 0)[0])
    shown = crowd_summary.clip_votes(study, row)
    assert shown.together.majority == ""
    assert words.describe_clip_votes(shown).endswith(": no class has most votes")
