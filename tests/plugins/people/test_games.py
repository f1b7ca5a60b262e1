"""Measured games: tables in and out, shapiq, missing coalitions, bad tables, and storage under a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from qfusion import cli, data, explain
from qfusion.commands import printing
from qfusion.data.store import manifest
from qfusion.errors import DataUnavailable, InvalidInput, NotFound, QFusionError
from qfusion.models import coalition_algebra as transforms, registry
from qfusion.plugins.people.games import game_export, game_reader, game_store
from qfusion.study import open_sample, open_study, performance
from qfusion.study.cohorts import cohort_table
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import checkpoint, checkpoint_cards, loop
from qfusion.views import decision
from qfusion.views.pages import cohorts
from qfusion.views.pages.panel import drawn

PLAYERS = ("text", "audio", "vision")


def make_frame(samples: int = 6, players: tuple[str, ...] = PLAYERS) -> pd.DataFrame:
    """Returns a table with random values of all coalitions."""
    random, rows = np.random.default_rng(1), []
    for sample in range(samples):
        for inside in product((0, 1), repeat=len(players)):
            name = "+".join(player for player, one in zip(players, inside, strict=True) if one)
            rows.append((f"s{sample}", name, random.normal(), "ab"[sample % 2]))
    return pd.DataFrame(rows, columns=["sample", "coalition", "value", "group"])


def value(frame: pd.DataFrame, sample: str, coalition: str) -> float:
    return float(
        frame[(frame["sample"] == sample) & (frame["coalition"] == coalition)]["value"].iloc[0]
    )


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code, words


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MODELS", "IMPORTED"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sampled_study() -> Study:
    """Returns a study of a network whose explanations have standard errors."""
    torch.manual_seed(0)
    random, names = np.random.default_rng(0), ("a", "b", "c")
    ids = np.array([f"n{number}" for number in range(90)])
    dataset = data.DataSet(
        **dict.fromkeys(("name", "title", "description", "source", "licence"), "small"),
        modalities=tuple(
            data.modality_spec.Modality(name, random.normal(size=(90, 3)), None, ("x", "y", "z"))
            for name in names
        ),
        target=data.target_spec.Target("regression", "mood", (-4.0, 4.0), convention="mosi"),
        y=random.uniform(-3, 3, 90),
        ids=ids,
        split=np.repeat(["train", "valid", "test"], 30),
        table=pd.DataFrame({"speaker": ["x", "y"] * 45}, index=ids),
    )
    model = registry.build("concatenation", dataset.input_specs, ("score",), {})
    study = open_study(checkpoint.make_checkpoint(model, dataset, name="net"), dataset)
    return study.with_all_rows()


def renamed_study(name: str) -> Study:
    """Returns a shipped model under another name: what was measured over its seeds is no part of a game."""
    result = checkpoint.load(name)
    return open_study(replace(result, card={**result.card, "name": f"a-{name}"}))


OPENED: dict[str, Callable[[], Study]] = {
    "qj-planted": lambda: renamed_study("qj-planted"),
    "qcnn-parity": lambda: renamed_study("qcnn-parity"),
    "network": sampled_study,
}


@pytest.mark.parametrize(
    ("name", "ending"), [("qj-planted", ".csv"), ("qcnn-parity", ".parquet"), ("network", ".csv")]
)
def test_a_game_of_a_model_explains_the_same(own: Path, name: str, ending: str) -> None:
    study = OPENED[name]()
    path = own / f"game{ending}"
    printing.write_table(game_export.game_frames(study), path)
    run("data", "import-game", str(path), "--name", "again")
    game = open_study("again")
    first, second = study.explanation, game.explanation
    for part in ("values", "dividends", "shapley"):
        assert np.abs(getattr(first, part) - getattr(second, part)).max() < 1e-12
    assert (first.errors is None) == (second.errors is None)
    if first.errors is not None:
        assert np.abs(first.errors - second.errors).max() < 1e-12
    assert first.logit_scale == second.logit_scale
    for part in ("relation", "leaders", "largest"):
        old, new = (getattr(one.explained_verdicts(), part) for one in (study, game))
        assert (old == new).all()
    assert_same_cohorts(study, game)
    for row in study.explained_rows[[0, 7, -1]]:
        assert_same_waterfall(study, game, str(study.dataset.ids[row]))


def assert_same_cohorts(study: Study, game: Study) -> None:
    old, new = (cohort_table(one, None) for one in (study, game))
    old = old.iloc[study.explained_rows]
    facts = {*study.backend.fact_columns(), *study.backend.facts()}
    assert set(old.columns) - facts == set(new.columns)
    for name in new.columns:
        if pd.api.types.is_float_dtype(old[name]):
            assert np.allclose(old[name], new[name], rtol=0, atol=1e-12, equal_nan=True), name
        else:
            assert (old[name].astype(str) == new[name].astype(str)).all(), name
    pictures = []
    for one in (study, game):
        sample = Sample(one, int(one.explained_rows[0]), 0)
        levels = performance.compare_cohort(sample, "relation=joint; split=test")
        pictures.append(cohorts.PANELS["types"].build(levels))
    assert pictures[0].title == pictures[1].title
    pd.testing.assert_frame_equal(pictures[0].numbers, pictures[1].numbers, atol=1e-12)


def assert_same_waterfall(study: Study, game: Study, sample: str) -> None:
    pictures = []
    for one in (study, game):
        row = one.dataset.row(sample)
        pictures.append(drawn(decision.waterfall)(Sample(one, row, int(one.predicted[row]))))
    old, new = pictures
    assert old.title == new.title
    columns = list(new.numbers.columns)
    pd.testing.assert_frame_equal(old.numbers[columns], new.numbers, atol=1e-12)
    bars = [trace for trace in old.figure.data if trace.type == "bar"]
    again = [trace for trace in new.figure.data if trace.type == "bar"]
    assert len(bars) == len(again) > 0
    for one, other in zip(bars, again, strict=True):
        assert np.allclose(np.asarray(one.x, float), np.asarray(other.x, float), atol=1e-12)
        assert list(one.y) == list(other.y)


def test_log_odds_against_one_class_are_those_of_the_model() -> None:
    study = open_study("qcnn-digits")
    rows = study.explained_rows[:5]
    game = game_store.open_game(game_export.game_frame(study, rows))
    ids = study.dataset.ids[rows]
    for reference in (0, 3):
        old, new = (one.with_reference(reference) for one in (study, game))
        for sample in ids:
            first, second = (one.explained(one.dataset.row(sample)) for one in (old, new))
            assert np.abs(first.values - second.values).max() < 1e-9
    assert np.abs(study.probabilities[rows] - game.probabilities).max() < 1e-12


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda name: "+".join(reversed(name.split("+"))),
        lambda name: name.replace("+", " + ") or "(none)",
        lambda name: tuple(PLAYERS.index(part) for part in name.split("+") if part),
        lambda name: str(tuple(PLAYERS.index(part) for part in name.split("+") if part)),
        lambda name: tuple(part for part in name.split("+") if part),
    ],
)
def test_coalitions_are_written_in_several_ways(rewrite: Callable[[str], Any]) -> None:
    frame = make_frame()
    expected = game_reader.read_game(frame, players=PLAYERS)
    cells = pd.Series([rewrite(name) for name in frame["coalition"]], dtype=object)
    read = game_reader.read_game(frame.assign(coalition=cells), players=PLAYERS)
    assert read.players == PLAYERS
    assert np.array_equal(read.values, expected.values)
    assert read.values[2, 4, 0] == value(frame, "s2", "text+audio")


def test_columns_of_0_and_1_are_players() -> None:
    frame = make_frame()
    flags = {name: frame["coalition"].str.contains(name).astype(int) for name in PLAYERS}
    shuffled = (
        frame.drop(columns="coalition").assign(**flags, constant=1).sample(frac=1, random_state=0)
    )
    read = game_reader.read_game(shuffled)
    expected = game_reader.read_game(frame, players=PLAYERS)
    order = [list(read.ids).index(name) for name in expected.ids]
    assert read.players == PLAYERS
    assert np.array_equal(read.values[order], expected.values)
    assert list(read.columns.columns) == ["group", "constant"]


def test_errors_of_values_become_errors_of_contributions() -> None:
    frame = make_frame().assign(error=0.1)
    errors = game_reader.read_game(frame, players=PLAYERS).errors
    assert errors is not None
    assert np.allclose(errors[0, :, 0], 0.1 * np.sqrt([1, 2, 2, 2, 4, 4, 4, 8]))


def test_repeats_are_averaged_with_their_errors() -> None:
    frame = make_frame()
    noise = np.random.default_rng(3).normal(size=(3, len(frame)))
    repeats = pd.concat([frame.assign(value=frame["value"] + part) for part in noise])
    with pytest.raises(InvalidInput, match=r"'\(none\)' of sample 's0'; .*--average"):
        game_reader.read_game(repeats, players=PLAYERS)
    read = game_reader.read_game(repeats, players=PLAYERS, average=True)
    assert value(frame, "s0", "") + noise[:, 0].mean() == pytest.approx(read.values[0, 0, 0])
    assert read.errors is not None
    assert read.errors[0, 0, 0] == pytest.approx(noise[:, 0].std(ddof=1) / np.sqrt(3))
    once = game_reader.read_game(pd.concat([frame, frame.iloc[:1]]), players=PLAYERS, average=True)
    assert once.errors is None
    assert "no standard errors" in " ".join(once.remarks)


def test_missing_coalitions_are_listed_or_fitted() -> None:
    frame = make_frame(4)
    dividends = np.random.default_rng(0).normal(size=(4, 8, 1))
    dividends[:, 7] = 0  # pairs interact, all three do not
    values = transforms.sums(dividends, 3)
    exact = game_reader.read_game(frame, players=PLAYERS)
    names = data.coalition_terms.coalition_names(PLAYERS)
    place = [
        (int(s[1:]), names.index(c))
        for s, c in zip(frame["sample"], frame["coalition"], strict=True)
    ]
    assert exact.players == PLAYERS
    order = [
        names.index("+".join(p for p in PLAYERS if p in c.split("+"))) for c in frame["coalition"]
    ]
    frame["value"] = [values[s, c, 0] for (s, _), c in zip(place, order, strict=True)]
    partial = frame[(frame["coalition"] != "text+audio+vision") | (frame["sample"] == "s0")]
    with pytest.raises(
        InvalidInput, match=r"3 samples lack some: 's1' lacks text\+audio\+vision.*--order"
    ):
        game_reader.read_game(partial, players=PLAYERS)
    fitted = game_reader.read_game(partial, players=PLAYERS, order=2)
    assert np.allclose(fitted.values, values)
    assert fitted.columns[game_reader.RESIDUAL].max() < 1e-12
    assert "fitted" in fitted.remarks[0]
    with pytest.raises(InvalidInput, match=r"do not: 's0' lacks text\+audio"):
        game_reader.read_game(
            frame[frame["coalition"] != "text+audio"].query("coalition != 'text+audio+vision'"),
            players=PLAYERS,
            order=2,
        )
    additive = game_reader.read_game(frame, players=PLAYERS, order=1)
    assert additive.columns[game_reader.RESIDUAL].min() > 0.01


def test_one_output_of_classes_has_its_opposite() -> None:
    frame = make_frame().assign(quantity="log-odds", output="yes", truth="yes")
    study = game_store.open_game(frame, players=PLAYERS)
    assert study.classes == ("yes", "not yes")
    assert study.quantity == "log-odds"
    assert np.array_equal(study.scores[:, 0], -study.scores[:, 1])
    log_odds = value(frame, "s0", "text+audio+vision")
    assert study.probabilities[0, 0] == pytest.approx(1 / (1 + np.exp(-log_odds)))
    assert (study.dataset.y == 0).all()


def test_logits_become_log_odds() -> None:
    parts = [
        make_frame().assign(output=name, value=lambda f, k=k: f["value"] * k)
        for k, name in enumerate("abc")
    ]
    frame = pd.concat(parts)
    with pytest.raises(InvalidInput, match=r"3 outputs .*--output"):
        game_reader.read_game(frame, players=PLAYERS)
    with pytest.raises(InvalidInput, match="add up to 0"):
        game_reader.read_game(frame, players=PLAYERS, quantity="log-odds")
    study = game_store.open_game(frame, players=PLAYERS, quantity="logits")
    logits = np.array([value(parts[k], "s0", "text+audio+vision") for k in range(3)])
    assert np.allclose(study.probabilities[0], np.exp(logits) / np.exp(logits).sum())
    one = game_reader.read_game(frame, players=PLAYERS, output="b")
    assert one.outputs == ("b",)


def change(**cells: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Returns a function that replaces cells of the fourth row."""

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        result = frame.astype(object)
        for name, cell in cells.items():
            result.loc[result.index[3], name] = cell
        return result

    return changed


BAD = {
    "nan": (change(value=np.nan), r"row 4 \(sample 's0'\)"),
    "infinite": (change(value=np.inf), r"row 4 \(sample 's0'\)"),
    "words": (change(value="much"), r"row 4 \(sample 's0'\) holds 'much'"),
    "unnamed sample": (change(sample=None), "row 4 is empty"),
    "unknown player": (change(coalition="text+smell"), "row 4 names 'smell'"),
    "player twice": (change(coalition="text+text"), r"row 4 holds 'text\+text'"),
    "changing column": (change(group="z"), "`group` must be the same .* row 4, of sample 's0'"),
    "no rows": (lambda frame: frame[:0], "must have rows"),
    "no values": (lambda frame: frame.drop(columns="value"), "column `value`"),
    "no coalitions": (lambda frame: frame.drop(columns="coalition"), "none called 'text'"),
    "both errors": (lambda frame: frame.assign(error=0, contribution_error=0), "has both"),
    "negative error": (lambda frame: frame.assign(error=-1.0), "negative"),
    "wrong truth": (
        lambda frame: frame.assign(truth="maybe", quantity="log-odds", output="yes"),
        "names 'maybe' for sample 's0'",
    ),
    "wrong split": (lambda frame: frame.assign(split="holdout"), "Split 'holdout'"),
    "wrong quantity": (lambda frame: frame.assign(quantity="joy"), "Quantity 'joy'"),
    "two quantities": (lambda frame: frame.assign(quantity=["score", "logits"] * 24), "same word"),
    "repeated": (
        lambda frame: pd.concat([frame, frame[:1]]),
        r"1 coalition has several: '\(none\)'",
    ),
    "missing": (lambda frame: frame.drop(index=5), "1 sample lacks some: 's0' lacks"),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_table_is_refused(why: str) -> None:
    spoil, message = BAD[why]
    with pytest.raises(QFusionError, match=message):
        game_reader.read_game(spoil(make_frame()), players=PLAYERS)


def test_samples_of_other_players_are_refused() -> None:
    frame = make_frame(2)
    frame.loc[frame["sample"] == "s1", "coalition"] = frame["coalition"].str.replace(
        "vision", "video"
    )
    with pytest.raises(InvalidInput, match="no coalition of sample 's0' has `video`"):
        game_reader.read_game(frame)


@pytest.mark.parametrize("count", [13, 1100, 30_000])
def test_more_than_twelve_players_are_refused(count: int) -> None:
    many = [f"p{number}" for number in range(count)]
    for coalitions in (many, ["+".join(many)], [f"({min(count, 999)}, 0)"]):
        rows = [("s", coalition, 0.0) for coalition in ("", *coalitions)]
        with pytest.raises(InvalidInput, match="A game must have at most 12 players, but has"):
            game_reader.read_game(pd.DataFrame(rows, columns=["sample", "coalition", "value"]))


@pytest.mark.parametrize("cell", ["(1" + " " * 10**6 + "x", "(0 , 1" + " ," * 10**6])
def test_blanks_in_a_coalition_take_no_time(cell: str) -> None:
    with pytest.raises(InvalidInput, match="row 4 names '"):
        game_reader.read_game(change(coalition=cell)(make_frame()), players=PLAYERS)


@pytest.mark.parametrize("order", [0, 4, True, 1.5])
def test_an_impossible_order_is_refused(order: Any) -> None:
    with pytest.raises(InvalidInput, match="from 1 to 3"):
        game_reader.read_game(make_frame(), players=PLAYERS, order=order)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        game_reader.read_game(tmp_path / "nothing.csv")
    (tmp_path / "game.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(InvalidInput, match=r"must be a \.csv or \.parquet table"):
        game_reader.read_game(tmp_path / "game.xlsx")
    for text in (
        "",
        "{}",
        "[" * 10_000,
        '{"metadata": {"index": "SV", "n_players": 2, "baseline_value": 0}, "data": {}}',
    ):
        (tmp_path / "values.json").write_text(text)
        with pytest.raises(InvalidInput):
            game_reader.read_game(tmp_path / "values.json")
    with pytest.raises(InvalidInput, match="is a int"):
        game_reader.read_game(3)


def test_a_game_is_stored_replaced_and_removed(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_frame().to_csv(own / "values.csv", index=False)
    run("data", "import-game", "values.csv", "--name", "mine", "--check-only")
    assert "mine" not in checkpoint_cards.available()
    run("data", "import-game", "values.csv", "--name", "mine", "--players", ",".join(PLAYERS))
    assert "mine" in checkpoint_cards.available()
    assert "mine" in manifest.imported_names()
    study = open_study("mine")
    assert study.explanation.dividends.shape == (6, 8, 1)
    assert open_sample("mine", "s1").dividends == study.dividends(1, 0)
    with pytest.raises(InvalidInput, match="--replace"):
        game_store.store_game(game_reader.read_game(make_frame()), "mine")
    with pytest.raises(InvalidInput, match="not a measured game"):
        game_store.store_game(game_reader.read_game(make_frame()), "qj-planted", replace=True)

    def refuse(*_: Any) -> None:
        raise DataUnavailable("full")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write", refuse)
        for name in ("mine", "new"):
            with pytest.raises(DataUnavailable):
                game_store.store_game(game_reader.read_game(make_frame(9)), name, replace=True)
    assert manifest.imported_names() == ("mine",)
    assert len(open_study("mine").dataset) == 6  # as before
    game_store.store_game(game_reader.read_game(make_frame(9)), "mine", replace=True)
    assert len(open_study("mine").scores) == 9
    run("model", "remove", "mine")
    assert "mine" not in checkpoint_cards.available()
    assert manifest.imported_names() == ()
    game_store.store_game(game_reader.read_game(make_frame()), "mine")
    run("data", "remove", "mine")
    assert "mine" not in checkpoint_cards.available()


def test_a_game_is_not_a_model_of_other_samples(own: Path) -> None:
    game_store.store_game(game_reader.read_game(make_frame(6)), "six")
    game_store.store_game(game_reader.read_game(make_frame(7)), "seven")
    with pytest.raises(InvalidInput, match="other samples"):
        open_study("six", "seven")
    with pytest.raises(InvalidInput, match="one baseline"):
        open_sample("six", "s1", background="joint")
    study = open_study("six")
    inputs = study.inputs([0])
    inputs["audio"] = study.inputs([1])["audio"]
    with pytest.raises(InvalidInput, match="own samples"):
        study.model(inputs)
    with pytest.raises(InvalidInput, match="no features to train on"):
        loop.train("linear", study.dataset)


def test_names_of_players_may_be_anything(own: Path) -> None:
    players = ("../up", "a/b", "naïve")
    game_store.store_game(game_reader.read_game(make_frame(3, players), players=players), "odd")
    assert open_study("odd").modalities == players
    assert {path.name for path in own.iterdir()} == {"models", "imported"}


shapiq = pytest.importorskip("shapiq")


def test_shapiq_reads_and_writes_contributions(tmp_path: Path) -> None:
    study = open_study("qcnn-parity")
    row = int(study.explained_rows[3])
    name = str(study.dataset.ids[row])
    values = study.to_shapiq(name)
    output = int(study.predicted[row])
    dividends = study.dividends(row)
    assert values.index == "Moebius"
    assert values.baseline_value == dividends[""]
    names = data.coalition_terms.coalition_names(study.modalities)
    for members, one in values.dict_values.items():
        assert one == dividends["+".join(study.modalities[m] for m in members)]
    assert len(values.dict_values) == len(names)
    again = explain.to_shapiq(study.explained(row), 0, study.classes[output])
    assert again.dict_values == values.dict_values
    values.save(tmp_path / f"{name}.json")
    for source in (values, {name: values}, tmp_path / f"{name}.json", tmp_path, [values]):
        game = game_store.open_game(source, players=study.modalities)
        assert np.allclose(
            game.explanation.dividends[0, :, 0], list(dividends.values()), rtol=0, atol=1e-12
        )
    with pytest.raises(InvalidInput, match="number one of"):
        explain.to_shapiq(study.explained(row), 1)


def test_shapley_values_of_shapiq_are_no_game() -> None:
    values = shapiq.InteractionValues(
        {(): 0.0, (0,): 1.0, (1,): 2.0},
        index="SV",
        max_order=1,
        min_order=0,
        n_players=2,
        baseline_value=0.0,
    )
    with pytest.raises(InvalidInput, match="of 'SV'"):
        game_store.open_game(values)


PAGE = (
    (Path(__file__).resolve().parents[3] / "docs" / "plugins" / "games.md")
    .read_text()
    .partition("\n## `")[0]
)


def test_programs_and_commands_of_the_page_run(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = re.findall(
        r"```python\n# \w+\.py\n((?:.|\n)*?)```|^    python -m qfusion (\S.*)$", PAGE, re.MULTILINE
    )
    assert len(steps) == 9
    for code, command in steps:
        if code:
            exec(compile(code, "games.md", "exec"), {"__name__": "__main__"})
        else:
            run(*command.split())
    assert {"ablation", "parity-game", "one-sample"} <= set(checkpoint_cards.available())
