"""Digits seen and heard, handwritten digits and Houston: displayed content, and altered or missing files."""

from __future__ import annotations

import io
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.io.wavfile

from qfusion import data
from qfusion.data import Audio, DataSet, Image, Series, registry
from qfusion.data.sources import PinnedFile
from qfusion.errors import DataUnavailable, IntegrityError, NotFound
from qfusion.plugins.sets import avdigits, handwritten, houston
from tests.support.class_shares import shares


def pins(folder: Path, files: tuple[PinnedFile, ...]) -> tuple[PinnedFile, ...]:
    """The pins of the files in `folder` as they are now."""
    return tuple(replace(f, sha256=f.digest(folder / f.path)) for f in files)


# ---- avdigits, in a stand-in


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    """A folder laid out like `avdigits`: 20 training rows and 4 test rows of two digits."""
    folder, rng = tmp_path / "avdigits", np.random.default_rng(0)
    (folder / "recordings").mkdir(parents=True)
    names = [f"{row % 2}_ann_{row}" for row in range(24)]
    np.savez(
        folder / "features.npz",
        mnist=rng.integers(0, 256, (24, 28, 28), dtype=np.uint8),
        usps=rng.integers(0, 256, (24, 16, 16), dtype=np.uint8),
        audio_logmel=rng.normal(size=(24, 32, 32)).astype(np.float16),
    )
    (folder / "index.csv").write_text(
        "row,digit,speaker,recording,split\n"
        + "".join(
            f"{row},{row % 2},ann,{name}.wav,{'train' if row < 20 else 'test'}\n"
            for row, name in enumerate(names)
        )
    )
    for row, name in enumerate(names):
        with wave.open(str(folder / "recordings" / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(np.array([0, 16384, -32768, row], dtype="<i2").tobytes())
    return folder


def read(folder: Path) -> DataSet:
    return avdigits.read_avdigits(folder, pins(folder, avdigits.AVDIGITS_FILES))


def test_images_and_recordings_are_shown_unchanged(heard: Path) -> None:
    ds = read(heard)
    assert {name: spec["shape"] for name, spec in ds.input_specs.items()} == avdigits.SHAPES
    sound = ds.content(7)["audio"]
    assert isinstance(sound, Audio)
    assert sound.rate == 8000
    np.testing.assert_allclose(sound.samples, [0, 0.5, -1, 7 / 32768])
    picture = ds.content(7)["mnist"]
    assert isinstance(picture, Image)
    np.testing.assert_allclose(
        picture.pixels[::4, ::4] / 255, ds.modalities[0].values[7].reshape(28, 28), atol=1e-6
    )
    assert ds.ids[7] == "1_ann_7"
    for modality, raw in zip(ds.modalities, np.load(heard / "features.npz").items(), strict=False):
        if modality.name in ("mnist", "usps"):
            assert modality.name == raw[0]
            np.testing.assert_allclose(modality.values[7], raw[1][7].ravel() / 255, rtol=1e-6)


def test_validation_comes_from_the_training_rows_alone(heard: Path) -> None:
    ds = read(heard)
    assert ds.rows("test").tolist() == [20, 21, 22, 23]
    assert np.bincount(ds.y[ds.rows("valid")]).tolist() == [1, 1]


def test_missing_or_altered_recording_is_refused(heard: Path) -> None:
    first, second = sorted((heard / "recordings").iterdir())[:2]
    ds, fixed = read(heard), pins(heard, avdigits.AVDIGITS_FILES)
    assert ds.content(0)
    content = first.read_bytes()
    first.write_bytes(content[:-1] + b"!")
    with pytest.raises(IntegrityError, match=r"`recordings` .* SHA-256 differs.*no public copy"):
        avdigits.read_avdigits(heard, fixed)
    first.write_bytes(content)
    second.unlink()
    with pytest.raises(IntegrityError, match=r"`recordings` .* SHA-256 differs"):
        avdigits.read_avdigits(heard, fixed)
    first.unlink()
    with pytest.raises(DataUnavailable, match=r"0_ann_0.wav cannot be read .* no public copy"):
        ds.content(0)


def test_an_altered_index_is_refused(heard: Path) -> None:
    fixed = pins(heard, avdigits.AVDIGITS_FILES)
    index = heard / "index.csv"
    index.write_text(index.read_text().replace("\n3,1,", "\n3,x,"))
    with pytest.raises(IntegrityError, match=r"`index.csv` .* SHA-256 differs.*no public copy"):
        avdigits.read_avdigits(heard, fixed)


# ---- handwritten and houston, in stand-ins


def test_handwritten_views_are_known_by_their_sizes(tmp_path: Path) -> None:
    rng, y = np.random.default_rng(0), np.repeat(np.arange(1, 11), 4)
    views = np.empty((1, 6), dtype=object)
    for at, (_, size, _) in enumerate(handwritten.VIEWS):
        views[0, at] = rng.integers(0, 7, (40, size))
    scipy.io.savemat(tmp_path / "handwritten.mat", {"X": views, "Y": y[:, None]})
    ds = handwritten.read_handwritten(tmp_path, pins(tmp_path, handwritten.HANDWRITTEN_FILES))
    assert {name: spec["size"] for name, spec in ds.input_specs.items()} == {
        name: size for name, size, _ in handwritten.VIEWS
    }
    assert (ds.y == y - 1).all()
    picture = ds.content(3)["pix"]
    assert isinstance(picture, Image)
    assert picture.pixels.shape == (128, 120)
    np.testing.assert_array_equal(
        picture.pixels[::8, ::8], np.round(ds.modalities[0].values[3].reshape(16, 15) / 6 * 255)
    )


def test_houston_shows_a_spectrum_and_a_profile(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "houston2013_hsi_lidar.npz"
    parts = {
        "hsi": rng.random((45, 144)),
        "lidar": rng.random((45, 21)),
        "y": np.repeat(np.arange(1, 16), 3),
    }
    np.savez(path, **parts)
    ds = houston.read_houston(tmp_path, pins(tmp_path, houston.HOUSTON_FILES))
    assert shares(ds).tolist() == [[1, 1, 1]] * 15
    shown = ds.content(4)["hsi"]
    assert isinstance(shown, Series)
    np.testing.assert_allclose(shown.values, parts["hsi"][4], atol=1e-7)
    assert shown.x.tolist() == list(range(1, 145))
    assert "about 380 to 1050 nm" in shown.x_label
    assert ds.table["class"].iloc[-1] == "running track"


@pytest.mark.parametrize(
    ("read", "remedy"),
    [
        (handwritten.read_handwritten, "data get handwritten"),
        (houston.read_houston, "no public copy"),
        (avdigits.read_avdigits, "no public copy"),
    ],
)
def test_missing_files_are_reported_with_instructions(
    read: Any, remedy: str, tmp_path: Path
) -> None:
    with pytest.raises(DataUnavailable, match=f"is not complete: .* lacks `.*{remedy}"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("houston", "cannot be downloaded. It was packed"),
        ("avdigits", "cannot be downloaded. It was put together"),
        ("handwriten", "Did you mean 'handwritten'"),
    ],
)
def test_failed_downloads_report_a_reason(name: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        registry.download(name)


def test_available_lists_missing_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    found = {source.name: source for source in data.available()}
    assert not found["handwritten"].available
    assert "`handwritten.mat`" in found["handwritten"].reason
    assert "python -m qfusion data get handwritten" in found["handwritten"].remedy
    for name, folder in {"avdigits": "avdigits", "houston": "images"}.items():
        assert not found[name].available
        assert "no public copy" in found[name].remedy
        assert f"Set QFUSION_DATA to the folder that holds `{folder}/`" in found[name].remedy


# ---- the real files


@pytest.mark.parametrize(
    ("name", "sizes", "classes"),
    [
        ("avdigits", [1200, 200, 600], 10),
        ("handwritten", [1200, 200, 600], 10),
        ("houston", [1700, 283, 849], 15),
    ],
)
def test_real_files_match_the_documentation(
    real_data: Path, name: str, sizes: list[int], classes: int
) -> None:
    ds = data.load(name)
    assert [len(ds.rows(part)) for part in ("train", "valid", "test")] == sizes
    assert shares(ds).min() >= 1
    assert len(ds.target.classes) == classes
    assert ds.content(len(ds) - 1)


def test_every_real_recording_can_be_played(real_data: Path) -> None:
    ds = data.load("avdigits")
    for row in range(0, len(ds), 97):
        sound = ds.content(row)["audio"]
        assert isinstance(sound, Audio)
        assert 0.1 < len(sound.samples) / sound.rate < 3
        assert 0 < np.abs(sound.samples).max() <= 1
        assert ds.ids[row].startswith(f"{ds.y[row]}_{ds.table.speaker.iloc[row]}_")


def test_the_real_handwritten_file_also_loads_by_its_path(real_data: Path) -> None:
    by_path, ds = data.load(real_data / "images" / "handwritten.mat"), data.load("handwritten")
    assert by_path.name == "handwritten.mat"  # not to be taken for the source
    assert by_path.names == tuple(f"view{i}" for i in range(1, 7))
    assert (by_path.y == ds.y).all()
    assert (by_path.modalities[3].values == ds.modalities[3].values).all()
    assert by_path.target.classes == tuple(map(str, range(1, 11)))


def test_wav_reader_equals_scipy(heard: Path) -> None:
    content = (heard / "recordings" / "1_ann_7.wav").read_bytes()
    rate, samples = scipy.io.wavfile.read(io.BytesIO(content))
    sound = read(heard).content(7)["audio"]
    assert isinstance(sound, Audio)
    assert rate == sound.rate
    np.testing.assert_allclose(samples / 32768, sound.samples)
