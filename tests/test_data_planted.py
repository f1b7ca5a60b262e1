"""Planted opinions: known score, exact contributions, features that follow the latents, reproducibility."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qfusion import _disk_cache
from qfusion.data.sources import planted as opinions
from qfusion.data.synthetic import drawn_faces, hummed_voices, opinion_texts, planted_score

SMALL = {"train": 60, "valid": 20, "test": 20}
LATENTS = ["latent_text", "latent_audio", "latent_vision"]


def simple_score(t: float, a: float, v: float) -> float:
    """The score as the documentation of `score` writes it."""

    def p(x: float) -> float:
        return (x + (x * x + 0.04) ** 0.5) / 2

    return (
        0.75 * t
        + 0.10 * a
        + 0.25 * v
        - 2.0 * p(t) * p(-a)
        + 0.8 * t * (3 * v * v - 1) / 2
        + 0.6 * (p(a) * p(v) - p(-a) * p(-v))
        + 1.2 * p(t) * p(-a) * v
        + 0.1
    )


def test_score_equals_the_documented_function() -> None:
    corners = np.array(list(itertools.product(np.linspace(-1, 1, 21), repeat=3)))
    got = planted_score.planted_score(corners)
    np.testing.assert_allclose(got, [simple_score(*row) for row in corners], atol=1e-12)
    assert np.abs(got).max() + planted_score.NOISE_SCALE * planted_score.NOISE_CUT <= 3


def test_dividends_equal_brute_force_over_the_background() -> None:
    rng = np.random.default_rng(1)
    z, background = rng.uniform(-1, 1, (4, 3)), rng.uniform(-1, 1, (30, 3))
    got = planted_score.dividends(z, background)
    for name, column in got.items():
        members = [planted_score.NAMES.index(m) for m in name.split("+") if m]
        expected = np.zeros(4)
        for size in range(len(members) + 1):
            for inner in itertools.combinations(members, size):
                for row in range(4):
                    mixed = background.copy()
                    mixed[:, list(inner)] = z[row, list(inner)]
                    expected[row] += (-1) ** (len(members) - size) * np.mean(
                        [simple_score(*x) for x in mixed]
                    )
        np.testing.assert_allclose(column, expected, atol=1e-12)


def test_true_dividends_add_up_to_the_score(planted: Any) -> None:
    np.testing.assert_allclose(planted.truth.sum(axis=1), planted.table.score_clean, atol=1e-12)
    np.testing.assert_allclose(
        planted_score.planted_score(planted.table[LATENTS].to_numpy()),
        planted.table.score_clean,
        atol=1e-12,
    )
    assert planted.truth[""].nunique() == 1


def test_noise_has_the_stated_variance_and_bounds(planted: Any) -> None:
    noise = planted.y - planted.table.score_clean.to_numpy()
    assert np.abs(noise).max() <= planted_score.NOISE_SCALE * planted_score.NOISE_CUT + 1e-4
    draws = planted_score.planted_noise(np.random.default_rng(3), 200_000)
    assert planted.noise_variance == pytest.approx(draws.var(), rel=0.02)
    assert planted.noise_variance == pytest.approx(noise.var(), rel=0.1)


def test_joint_terms_explain_thirty_percent_of_the_variance(planted: Any) -> None:
    truth = planted.truth
    sizes = np.array(
        [truth[[c for c in truth if c and c.count("+") == n]].sum(axis=1).var() for n in range(3)]
    )
    shares = sizes / sizes.sum()
    assert 0.6 < shares[0] < 0.75
    assert 0.25 < shares[1] < 0.35
    assert 0.01 < shares[2] < 0.1


def test_sizes_and_splits(planted: Any) -> None:
    assert {s: len(planted.rows(s)) for s in ("train", "valid", "test")} == {
        "train": 2100,
        "valid": 300,
        "test": 600,
    }
    regimes = planted.table.regime.value_counts()
    assert set(regimes.index) == set(planted_score.SHARES)
    for split in ("valid", "test"):
        assert set(planted.table.regime.iloc[planted.rows(split)]) == set(planted_score.SHARES)


def test_regimes_match_their_definition(planted: Any) -> None:
    table, truth = planted.table, planted.truth
    t, a = table.latent_text, table.latent_audio
    sarcasm, agreement, conflict = (
        table.regime == name for name in ("sarcasm", "agreement", "conflict")
    )
    assert (t[sarcasm] > 0.4).all()
    assert (a[sarcasm] <= -0.5).all()
    assert (truth["text+audio"][sarcasm] < 0).mean() > 0.99
    signs = np.sign(table[LATENTS])
    assert (signs[agreement].sum(axis=1).abs() == 3).all()
    assert (signs[conflict].sum(axis=1).abs() == 1).all()
    assert not ((t > 0) & (a < 0))[conflict].any()
    joint = truth.loc[:, [c for c in truth if "+" in c]].sum(axis=1).abs()
    alone = truth[list(planted_score.NAMES)].sum(axis=1).abs()
    synergy = table.regime == "synergy"
    assert joint[synergy].median() > 1.5 * alone[synergy].median()
    for name, own in zip(("text decides", "voice decides", "face decides"), LATENTS, strict=True):
        sizes = table.loc[table.regime == name, LATENTS].abs()
        assert (sizes.drop(columns=own).max(axis=1) < sizes[own]).all()


@pytest.mark.parametrize(
    ("sentence", "value"),
    [
        ("the movie was good", 0.42),
        ("the movie was not good", -0.6 * 0.42),
        ("i do not think the movie was really good", -0.6 * 0.42 * 1.15),
        ("well the plot um was extremely bad", -0.42 * 1.4),
        ("the food was good but the hotel was bad", 0.25 * 0.42 - 0.75 * 0.42),
        ("the food was bad but the hotel was good", -0.25 * 0.42 + 0.75 * 0.42),
        ("the food was not bad and i loved it", (0.6 * 0.42 + 0.64) / 2),
    ],
)
def test_valence_by_hand(sentence: str, value: float) -> None:
    assert opinion_texts.valence(tuple(sentence.split())) == pytest.approx(value)


def test_sentences_encode_the_latent_in_vocabulary_words() -> None:
    rng = np.random.default_rng(0)
    wanted = rng.uniform(-1, 1, 400)
    spoken = [opinion_texts.sentence(float(x), rng) for x in wanted]
    said = np.array([opinion_texts.valence(s) for s in spoken])
    assert np.abs(said - wanted).mean() < 0.03
    assert np.abs(said).max() <= 1
    assert {w for s in spoken for w in s} <= set(opinion_texts.VOCABULARY)
    assert len(set(opinion_texts.VOCABULARY)) == len(opinion_texts.VOCABULARY)
    values, lengths = opinion_texts.word_features(spoken)
    assert lengths.max() <= opinion_texts.MAX_WORDS
    # A bag of words does not say it: order and negation matter.
    assert np.corrcoef(values[..., 0].sum(axis=1), said)[0, 1] ** 2 < 0.75


def test_pitch_is_measured_from_the_waveform() -> None:
    seconds = np.arange(hummed_voices.SAMPLES) / hummed_voices.RATE
    hertz = np.array([80.0, 147.3, 230.0, 390.0])
    tones = sum(np.sin(2 * np.pi * k * hertz[:, None] * seconds) / k for k in (1, 2, 3))
    found, lengths = hummed_voices.prosody_features(
        (tones * 6000).astype(np.int16), np.full(4, 1.2)
    )
    assert lengths.tolist() == [15] * 4
    np.testing.assert_allclose(
        150 * 2 ** found[:, :15, 0], np.repeat(hertz[:, None], 15, axis=1), rtol=0.01
    )
    assert (found[:, :15, 3] > 0.9).all()
    assert not found[:, 15:].any()
    noise = np.random.default_rng(0).normal(0, 3000, (1, hummed_voices.SAMPLES)).astype(np.int16)
    assert hummed_voices.prosody_features(noise, np.array([1.2]))[0][0, :15, 3].mean() < 0.5
    silence, _ = hummed_voices.prosody_features(
        np.zeros((1, hummed_voices.SAMPLES), np.int16), np.array([1.2])
    )
    assert np.isfinite(silence).all()
    assert not silence[..., [0, 3, 6]].any()


def test_measured_pitch_follows_the_synthesised_melody() -> None:
    p = hummed_voices.draw_voices(np.random.default_rng(0), np.linspace(-1, 1, 60))
    found, lengths = hummed_voices.prosody_features(hummed_voices.synthesise(p), p["duration"])
    real = np.arange(found.shape[1]) < lengths[:, None]
    sung = hummed_voices.contours(p)["pitch"][:, :-1].reshape(60, found.shape[1], -1).mean(axis=2)
    assert np.abs(found[..., 0] - np.log2(sung / 150))[real].max() < 0.1


def test_loudness_pitch_and_slope_increase_with_the_latent() -> None:
    p = hummed_voices.draw_voices(np.random.default_rng(0), np.repeat([-0.9, 0.9], 200))
    found, lengths = hummed_voices.prosody_features(hummed_voices.synthesise(p), p["duration"])
    means = found.sum(axis=1) / lengths[:, None]
    low, high = means[:200].mean(axis=0), means[200:].mean(axis=0)
    assert high[4] > low[4] + 0.2  # energy
    assert high[0] > low[0] + 0.1  # pitch
    assert high[2] > 0 > low[2]  # rise


def _summary(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    real = np.arange(values.shape[1]) < lengths[:, None]
    along = (np.arange(values.shape[1]) / lengths[:, None] - 0.5) * real
    slope = (values * along[..., None]).sum(1) / (along**2).sum(1)[:, None]
    return np.concatenate([values.sum(1) / lengths[:, None], slope, lengths[:, None]], axis=1)


@pytest.mark.parametrize("name", ["audio", "vision"])
def test_latents_can_be_read_from_the_features(planted: Any, name: str) -> None:
    # Linear on simple summaries; the words, where order matters, are checked by hand above.
    modality = planted.modalities[planted.names.index(name)]
    features = (
        modality.values if modality.lengths is None else _summary(modality.values, modality.lengths)
    )
    wanted = planted.table[f"latent_{name}"].to_numpy()
    train, test = planted.rows("train"), planted.rows("test")
    model = make_pipeline(StandardScaler(), Ridge(30.0)).fit(features[train], wanted[train])
    assert model.score(features[test], wanted[test]) > 0.95


def test_regenerated_content_matches_the_features(planted: Any) -> None:
    row = planted.row("p0042")
    first, second = planted.content(row), planted.content(row)
    assert first["text"].text == planted.table.text.iloc[row]
    np.testing.assert_array_equal(first["audio"].samples, second["audio"].samples)
    np.testing.assert_array_equal(first["vision"].pixels, second["vision"].pixels)
    text, audio, _ = planted.modalities
    np.testing.assert_array_equal(
        opinion_texts.word_features([first["text"].words])[0][0], text.values[row]
    )
    sound = np.zeros((1, hummed_voices.SAMPLES), np.int16)
    samples = np.round(first["audio"].samples * 32768).astype(np.int16)
    sound[0, : len(samples)] = samples
    measured, _ = hummed_voices.prosody_features(
        sound, np.array([planted.table["duration"].iloc[row]])
    )
    np.testing.assert_allclose(measured[0], audio.values[row], atol=1e-4)
    assert first["audio"].rate == 8000
    assert 1 <= len(samples) / 8000 <= 2
    assert np.abs(first["audio"].samples).max() < 1
    assert first["vision"].pixels.shape == (drawn_faces.SHOWN, drawn_faces.SHOWN, 3)
    grey = np.asarray(
        Image.fromarray(first["vision"].pixels)
        .convert("L")
        .resize((drawn_faces.SIDE, drawn_faces.SIDE), Image.Resampling.BOX)
    )
    seen = planted.modalities[2].values[row].reshape(drawn_faces.SIDE, drawn_faces.SIDE) * 255
    assert np.abs(grey - seen).mean() < 4


def test_shipped_features_equal_measured_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped, made = (
        _disk_cache.read_arrays(opinions.SHIPPED),
        opinions.measure_features(opinions.draw_recipe()),
    )
    assert shipped is not None
    assert str(shipped["made_by"]) == opinions.code_digest(), (
        "The code has changed: run `python scripts/ship_planted.py`."
    )
    assert set(shipped) == {*made, "made_by"}
    for name, values in made.items():  # what is rounded may round otherwise on another machine
        np.testing.assert_allclose(shipped[name], values, atol=1.01e-4 if name == "audio" else 0)
        assert shipped[name].dtype == values.dtype
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path))
    opinions.build()
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(opinions, "code_digest", lambda *parts: "another code")
    monkeypatch.setattr(opinions, "measure_features", lambda _: made)
    opinions.build()
    assert [path.name for path in tmp_path.iterdir()] == ["planted-another code.npz"]


def test_the_same_seed_gives_the_same_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path))
    made = opinions.build(5, SMALL)
    (stored,) = tmp_path.iterdir()
    assert opinions.build(5, SMALL).digest == made.digest
    stored.write_bytes(stored.read_bytes()[:-200])
    assert opinions.build(5, SMALL).digest == made.digest
    assert opinions.build(6, SMALL).digest != made.digest


def _arrays() -> dict[str, np.ndarray]:
    return {"x": np.arange(5.0), "n": np.array([1, 2])}


def test_damaged_cache_is_rebuilt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path / "new" / "folder"))
    _disk_cache.cached_arrays("x", "k", _arrays)
    path = tmp_path / "new" / "folder" / "x-k.npz"
    assert list(path.parent.iterdir()) == [path]

    def never() -> dict[str, np.ndarray]:
        raise RuntimeError("made again")

    np.testing.assert_array_equal(_disk_cache.cached_arrays("x", "k", never)["x"], np.arange(5.0))
    np.savez(path, x=np.arange(5.0) + 1, n=np.array([1, 2]), __digest__=np.load(path)["__digest__"])
    with pytest.raises(RuntimeError, match="made again"):
        _disk_cache.cached_arrays("x", "k", never)
    for damage in (b"", b"PK\x03\x04 nonsense", b"\x80\x04."):
        path.write_bytes(damage)
        np.testing.assert_array_equal(
            _disk_cache.cached_arrays("x", "k", _arrays)["x"], np.arange(5.0)
        )
        np.testing.assert_array_equal(
            _disk_cache.cached_arrays("x", "k", never)["x"], np.arange(5.0)
        )


def test_unwritable_cache_is_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path / "file" / "folder"))
    np.testing.assert_array_equal(_disk_cache.cached_arrays("x", "k", _arrays)["n"], [1, 2])
    monkeypatch.setenv("QFUSION_CACHE", "/proc/no-such-place")
    np.testing.assert_array_equal(_disk_cache.cached_arrays("x", "k", _arrays)["n"], [1, 2])
