"""Feature extraction from recordings: folder to explained decision, damaged files, reproducibility."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

import qfusion
from qfusion import _disk_cache, data
from qfusion._memory_cache import CACHE
from qfusion.data import media_files
from qfusion.data.sample_content import Audio
from qfusion.data.store import manifest
from qfusion.errors import DataUnavailable, IntegrityError, InvalidInput, NotFound
from qfusion.plugins.recordings import extract, extractors, media_probe, voice_features
from qfusion.study import attribution, open_sample
from qfusion.views.samples import open_strip
from tests.support import recordings
from tests.support.command_line import assert_refused, run

__all__ = ["run"]  # a fixture
METHODS = {
    "text": "ngrams:size=32",
    "audio": "spectrum:rate=10,bands=16,coefficients=4",
    "vision": "hog:grid=1,rate=6",
}
OPTIONS = [
    *("--words", METHODS["text"], "--voice", METHODS["audio"], "--face", METHODS["vision"]),
]
SEEN = {"audio": "none", "vision": "hog:grid=1,rate=2"}  # begins fastest
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Where sets are kept meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("imported")
        patch.setenv("QFUSION_IMPORTED", str(folder))
        yield folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[recordings.Recording]:
    """Forty clips and what was planted in them."""
    return recordings.make(tmp_path_factory.mktemp("clips"), 40, seconds=2.0)


@pytest.fixture(scope="module")
def dataset(imported: Path, made: list[recordings.Recording]) -> data.DataSet:
    """The set of them."""
    outcome = extract.extract(made[0].path.parent, "clips", methods=METHODS)
    assert outcome.place == imported / "clips"
    assert (outcome.failures, outcome.remarks, outcome.resumed) == ([], [], 0)
    assert not list(imported.glob(".*extract*")), "what was finished on the way is gone"
    return data.load("clips")


def rows_of(table: Path, lines: str) -> Path:
    table.write_text(lines, encoding="utf-8")
    return table


def lacks(patch: pytest.MonkeyPatch, modality: str, method: str, *packages: str) -> None:
    """Lets an extractor need these packages instead of its own."""
    known = extractors.METHODS[modality]
    patch.setitem(known, method, replace(known[method], packages=packages))


# From one end to the other.


def test_extracted_set_contains_words_sound_and_pictures(
    dataset: data.DataSet, made: list[recordings.Recording]
) -> None:
    assert dataset.names == ("text", "audio", "vision")
    assert [m.rate for m in dataset.modalities] == [None, 10.0, 6.0]
    assert [m.size for m in dataset.modalities] == [32, 23, 23]
    np.testing.assert_allclose(dataset.y, [one.label for one in made], atol=0.005)
    assert [len(dataset.rows(part)) for part in ("train", "valid", "test")] == [24, 4, 12]
    for row in (0, 17):
        one, text = made[row], dataset.content(row)["text"]
        assert text.words == tuple(word for _, _, word in one.words)
        steps = [int(m.lengths[row]) for m in dataset.modalities]
        # what encoders round up can add a step
        assert steps[0] == len(one.words)
        assert np.ceil(one.seconds * 10) <= steps[1] <= one.seconds * 10 + 2
        assert np.ceil(one.seconds * 6) <= steps[2] <= one.seconds * 6 + 2
        clip = dataset.clip_of(row)
        assert clip.path == one.path.resolve()
        assert [word.text for word in clip.words] == list(text.words)
        np.testing.assert_allclose(
            [w[:2] for w in clip.words], [w[:2] for w in one.words], atol=1e-3
        )


def test_attributions_peak_at_planted_moments(
    dataset: data.DataSet, made: list[recordings.Recording]
) -> None:
    trained = qfusion.train(
        "quantum-jump",
        dataset,
        {"pooling": "attention", "dims": 2, "jumps": 2, "measurements": 4, "hidden": 16}
        | {"dropout": 0.1, "input_dropout": 0.2},
        {"epochs": 60, "batch": 8, "rate": 1e-2, "average": 0.9, "patience": 0, "loss": "mse"}
        | {"noise": 0.3, "encoder_decay": 0.1},
    ).checkpoint("clips-qj")
    rows = dataset.rows("test")
    study = open_sample(trained, str(dataset.ids[rows[0]]), dataset).study
    peaks, strip_peaks = [], []
    for row in rows:
        one = made[row]
        for modality in dataset.modalities:
            units = attribution.attribute(study, int(row), modality.name, "score", 0, "mean").units
            step = int(np.abs(units).argmax())
            if modality.rate is None:
                start, end, _ = one.words[step]
            else:
                start, end = step / modality.rate, (step + 1) / modality.rate
            moment = one.moments[modality.name]
            # a step of sound lasts, a picture is of its begin
            last = start + 1e-6 if modality.name == "vision" else end
            peaks.append(start < moment + one.lasting[modality.name] - 1e-6 and last > moment)
        strip_peaks += peaks_of_the_strip(trained, dataset, one)
    assert len(peaks) == len(strip_peaks) == 36
    # 32 to 36 of the 36, by the instructions of the processor, on which the training depends
    assert np.mean(peaks) >= 0.8
    assert np.mean(strip_peaks) >= 0.8
    with torch.no_grad():
        scores = study.model(dataset.inputs(rows, dtype=torch.float64)).numpy().ravel()
    assert np.corrcoef(scores, dataset.y[rows])[0, 1] > 0.9


# Seconds that a step reaches beyond its start, with what is rounded.
STEP = {"text": 0.01, "audio": 0.11, "vision": 0.01}


def peaks_of_the_strip(model: Any, dataset: data.DataSet, one: recordings.Recording) -> list[bool]:
    """Whether the peaks of the strip of a recording are where something was planted."""
    sample = open_sample(model, one.id, dataset)
    lanes = open_strip(sample)[0].lanes
    starts = {lane.modality: float(lane.starts[lane.peak]) for lane in lanes}
    return [
        moment - STEP[name] < starts[name] < moment + one.lasting[name] - 0.01
        for name, moment in one.moments.items()
    ]


def test_visitor_input_has_the_same_features(
    dataset: data.DataSet, made: list[recordings.Recording]
) -> None:
    assert {name: transform.kind for name, transform in dataset.feature_transforms.items()} == {
        "text": "sentence",
        "audio": "clip",
        "vision": "clip",
    }
    for row in (3, 30):
        given = {
            "text": made[row].text,
            "audio": made[row].path,
            "vision": made[row].path,
        }
        for modality in dataset.modalities:
            values, shown = dataset.feature_transforms[modality.name].make(given[modality.name])
            own = modality.values[row][: modality.lengths[row]]
            np.testing.assert_allclose(values, own, atol=1e-5)
            assert (
                type(shown).__name__
                == {"text": "Text", "audio": "Audio", "vision": "Film"}[modality.name]
            )
        heard, _ = dataset.feature_transforms["audio"].make(media_files.read_sound(made[row].path))
        np.testing.assert_allclose(
            heard, dataset.feature_transforms["audio"].make(made[row].path)[0], atol=1e-5
        )
    with pytest.raises(InvalidInput, match="must hold a word"):
        dataset.feature_transforms["text"].make("  ")
    with pytest.raises(InvalidInput, match="at most 60 s, but lasts 61"):
        dataset.feature_transforms["audio"].make(Audio(np.zeros(61 * 8000, np.float32), 8000))
    # silence is heard as such
    values, _ = dataset.feature_transforms["audio"].make(Audio(np.zeros(8000, np.float32), 8000))
    assert values.shape == (10, 23)
    assert np.isfinite(values).all()


def test_killed_extraction_resumes(
    dataset: data.DataSet, made: list[recordings.Recording], imported: Path, tmp_path: Path
) -> None:
    folder = made[0].path.parent
    few = rows_of(tmp_path / "few.csv", "".join((folder / "labels.csv").open().readlines()[:21]))
    words = [sys.executable, "-m", "qfusion", "data", "extract", folder, "--name", "killed"]
    process = subprocess.Popen(
        [
            *map(str, words),
            "--labels",
            few,
            "--voice",
            "none",
            "--words",
            "none",
            "--face",
            METHODS["vision"],
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    draft, end = imported / ".extract-killed", time.monotonic() + 60
    while len(list(draft.glob("*.npz"))) < 4 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = len(list(draft.glob("*.npz")))
    assert 4 <= finished < 20
    assert "killed" not in data.names()
    # one of them is damaged meanwhile, and made again
    next(draft.glob("*.npz")).write_bytes(b"PK nothing")
    methods = {"text": "none", "audio": "none", "vision": METHODS["vision"]}
    outcome = extract.extract(folder, "killed", labels=few, methods=methods)
    assert finished - 1 <= outcome.resumed <= finished  # its process may have ended one more
    assert not draft.exists()
    values = data.load("killed").modalities[0].values
    np.testing.assert_array_equal(values, dataset.modalities[2].values[:20, : values.shape[1]])


# What is broken costs that file.


def test_damaged_files_are_skipped_and_listed(imported: Path, tmp_path: Path, run: Any) -> None:
    folder = tmp_path / "all"
    good = recordings.make(folder, 6, seconds=1.0, words="column")
    whole = good[0].path.read_bytes()
    (folder / "sub").mkdir()
    # names as people give them
    odd = ["a b.c", "ü ñ", "-x--y", "sub/v$x"]
    for one, name in zip(good, odd, strict=False):
        shutil.copy(one.path, folder / f"{name}.mp4")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("no video at all")
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    os.mkfifo(folder / "pipe.mp4")
    with wave.open(str(folder / "hours.wav"), "wb") as file:
        file.setparams((1, 1, 200, 0, "NONE", ""))
        file.writeframes(bytes([128]) * 200 * 3 * 3600)
    shutil.copy(good[0].path, folder / "twice.mp4")
    shutil.copy(folder / "hours.wav", folder / "twice.wav")
    (tmp_path / "outside.mp4").write_bytes(whole)
    (folder / "link.mp4").symlink_to(tmp_path / "outside.mp4")
    recordings.write(
        folder / "mute.mp4", recordings.film(np.random.default_rng(0), 1.0, 0.5, 1), None
    )
    recordings.write(
        folder / "dark.wav", None, recordings.voice(np.random.default_rng(0), 1.0, 0.2, 1)
    )
    bad = {
        "empty": "is empty",
        "text": "must be a whole .mp4 file",
        "cut": "",
        "pipe": "does not exist",
        "hours": "lasts 10,800 s",
        "twice": "Several recordings are of it: twice.mp4, twice.wav",
        "link": "There is no recording 'link'",
        "gone": "There is no recording 'gone'",
        "../outside": "There is no recording '../outside'",
    }
    names = [one.id for one in good] + odd + [*bad, "mute", "dark"]
    rows_of(
        folder / "labels.csv",
        "id,label,text\n"
        + "".join(f"{name},{at / 7:.3f},some words\n" for at, name in enumerate(names)),
    )
    done = run("data", "extract", folder, "--name", "bad", *OPTIONS, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    listed = {one["id"]: one["why"] for one in result["left_out"]}
    assert set(listed) == set(bad)
    for name, words in bad.items():
        assert words in listed[name], listed[name]
        assert f"left out: {name}" in done.err
    # those that lack a modality are left out unless it is agreed to put zeros there
    assert set(data.load("bad").ids) == {*(one.id for one in good), *odd}
    assert "drop-incomplete: 2 samples left out" in result["repairs"]
    assert any(line.startswith("make-split") for line in result["repairs"])
    record = manifest.imported_manifest("bad").extracted
    assert {one["id"] for one in record["left_out"]} == set(bad)
    used = manifest.extractor_names("bad")
    assert used == {name: one["method"] for name, one in record["methods"].items()}
    assert set(used) == set(data.load("bad").names)
    # and what cannot be made of the rest is told, nothing is kept
    rows_of(folder / "labels.csv", "id,label\nempty,1\ntext,2.5\n")
    refused = run("data", "extract", folder, "--name", "none", "--voice", "none", "--words", "none")
    assert_refused(refused, "No recording can be read", "is empty")
    assert "none" not in data.names()


def test_pictures_parts_of_files_and_text_only(imported: Path, tmp_path: Path) -> None:
    for number in range(10):
        pixels = np.full((20, 30, 3), 25 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    lines = [f"{n}.png,{'dark' if n < 5 else 'light'},图 number {n}" for n in range(10)]
    rows_of(tmp_path / "labels.csv", "file,class,text\n" + "\n".join(lines))
    extract.extract(tmp_path, "still", methods=SEEN)
    still = data.load("still")
    assert still.names == ("text", "vision")
    vision = still.modalities[1]
    assert (vision.lengths, vision.values.shape) == (None, (10, 23))
    assert still.content(0)["text"].words == ("图", "number", "0")
    red = vision.feature_names.index("red 1,1")
    np.testing.assert_allclose(vision.values[:, red], np.arange(10) * 25 / 255, atol=1e-4)
    assert still.feature_transforms["vision"].kind == "drawing"
    values, _ = still.feature_transforms["vision"].make(np.full((20, 30, 3), 75, np.uint8))
    np.testing.assert_allclose(values, vision.values[3], atol=1e-6)

    one = tmp_path / "parts"
    long = recordings.make(one, 1, seconds=4.0)[0]
    starts = [0, 0.5, 1, 1.5, 2.0, 9, 0]
    rows = [f"p{n},{long.path.name},{at},{at + 1},{n}.5" for n, at in enumerate(starts)]
    rows_of(
        one / "labels.csv",
        "id,file,start,end,score\n" + "\n".join(rows[:-1]) + "\np6,clip-001.mp4,x,,1.5\n",
    )
    outcome = extract.extract(one, "parts", methods=SEEN)
    why = {entry.id: entry.why for entry in outcome.failures}
    assert set(why) == {"p5", "p6"}
    assert "from 9 s to 10 s" in why["p5"]
    assert "`start` must be a number" in why["p6"]
    parts = data.load("parts")
    for row, at in enumerate(starts[:5]):
        said = [word for start, end, word in long.words if start < at + 1 and end > at]
        assert list(parts.content(row)["text"].words) == said
        assert parts.modalities[1].lengths[row] == 2
        assert (parts.clip_of(row).start, parts.clip_of(row).end) == (at, at + 1)


def test_missing_requirements_are_reported_first(
    imported: Path, tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*words: Any, **options: Any) -> str:
        with pytest.raises(qfusion.errors.QFusionError) as error:
            extract.extract(tmp_path, "never", **options)
        return str(error.value)

    assert "must hold one table of labels" in refused()
    rows_of(tmp_path / "labels.csv", "id,text\na,b\n")
    assert "must have a column `label`" in refused()
    rows_of(tmp_path / "labels.csv", "id,label\na,1\n")
    assert "has a recording below" in refused()
    assert "Every extractor is left out" in refused(methods=dict.fromkeys(METHODS, "none"))
    assert "Did you mean 'hog'" in refused(methods={"vision": "hogs"})
    assert "'sides' does not exist" in refused(methods={"vision": "hog:sides=3"})
    assert "between 16 and 256" in refused(methods={"vision": "hog:side=3"})
    assert "must be a whole number" in refused(methods={"vision": "hog:side=30.5"})
    with pytest.raises(NotFound):
        extract.extract(tmp_path / "nowhere", "never")
    with pytest.raises(InvalidInput, match="built-in"):
        extract.extract(tmp_path, "planted")

    lacks(monkeypatch, "audio", "opensmile", "no-such-package")
    done = run("data", "extract", tmp_path, "--name", "never", "--voice", "opensmile")
    assert_refused(done, "This needs the package no-such-package", "pip install no-such-package")
    lacks(monkeypatch, "vision", "mediapipe")
    assert "mediapipe:model" in refused(methods={"vision": "mediapipe"})
    assert "does not exist or is empty" in refused(
        methods={"vision": "mediapipe:model=/nowhere/x.task"}
    )
    assert not list(imported.glob(".draft*"))


# Extractors by themselves.


def test_extractors_measure_known_signals() -> None:
    record = extractors.choose_method("audio", "spectrum:rate=10")
    voice = extractors.begin_extractor("audio", record)
    t = np.arange(16_000) / 16_000
    tone = np.where(t < 0.5, 0.5 * np.sin(2 * np.pi * 200 * t), 0).astype(np.float32)
    values = extractors.extract_features(voice, Audio(tone, 16_000))
    assert values.shape == (10, 56)
    pitch, heard, energy = values[1:4, -3:].T
    np.testing.assert_allclose(pitch, 1.0, atol=0.02)  # 200 Hz are an octave over 100
    np.testing.assert_allclose(heard, 1.0)
    np.testing.assert_allclose(energy, 20 * np.log10(0.5 / 2**0.5), atol=0.1)
    assert (values[6:, -3:-1] == 0).all()
    loudest = int(values[2, :40].argmax())
    assert loudest in range(1, 4), "200 Hz lie in a low band"
    # as short as can be
    assert extractors.extract_features(voice, Audio(np.zeros(3, np.float32), 16_000)).shape == (
        1,
        56,
    )


def test_pitch_is_compiled_by_one_process_at_a_time() -> None:
    CACHE.clear(voice_features.compile_pitch.__wrapped__)  # type: ignore[attr-defined]
    path = Path(tempfile.gettempdir(), f"qfusion-numba-{os.getuid()}.lock")
    waiting = threading.Thread(target=voice_features.compile_pitch)
    with FileLock(path, is_singleton=False):
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(240)
    assert not waiting.is_alive()


def test_recordings_are_resampled_like_files(tmp_path: Path) -> None:
    samples = recordings.voice(np.random.default_rng(0), 1.0, 0.3, 1)
    path = recordings.write(tmp_path / "voice.webm", np.zeros((12, 48, 64, 3), np.uint8), samples)
    own = media_files.read_sound(path, rate=media_probe.probe(path).sound or 0)
    assert own.rate == 48_000
    wanted, given = media_files.read_sound(path, rate=16_000), media_files.resample(own, 16_000)
    assert given.rate == 16_000
    np.testing.assert_allclose(given.samples, wanted.samples, atol=1e-5)


def test_means_over_steps() -> None:
    values = np.array([[0.0], [2.0], [4.0], [10.0]])
    times = np.array([0.0, 0.2, 0.5, 0.7])
    np.testing.assert_allclose(voice_features.average_steps(values, times, 2.0, 1.0), [[1], [7]])
    # a step that has none is as the one before
    np.testing.assert_allclose(
        voice_features.average_steps(values, times, 2.0, 2.0), [[1], [7], [7], [7]]
    )


def test_words_are_hashed_by_character_ngrams() -> None:
    record = extractors.choose_method("text", "ngrams:size=256")
    one = extractors.begin_extractor("text", record)
    values = one.make(["Wonderful!", "wonderful", "wonderfully", "terrible"])
    np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1.0)
    np.testing.assert_allclose(values[0], values[1])
    assert values[1] @ values[2] > 0.7 > 0.3 > abs(values[1] @ values[3])
    several = extractors.begin_extractor(
        "text", extractors.choose_method("text", "ngrams:size=256,words=2")
    )
    after = several.make(["not", "good"])[1], several.make(["very", "good"])[1]
    assert not np.allclose(*after)
    np.testing.assert_allclose(one.make(["not", "good"])[1], one.make(["very", "good"])[1])


def test_cached_features_of_other_versions_are_ignored(tmp_path: Path) -> None:
    record = extractors.choose_method("text", "ngrams")
    with pytest.raises(InvalidInput, match="version 2 of `ngrams`, and this is version 1"):
        extractors.begin_extractor("text", record | {"version": 2})
    with pytest.raises(NotFound):
        extractors.begin_extractor("text", record | {"method": "os.system"})
    with pytest.raises(IntegrityError, match="weights of `ngrams`"):
        extractors.begin_extractor("text", record | {"weights": "0123"})


@pytest.mark.parametrize("method", ["torchvision:model=resnet18,folder=", "transformers:folder="])
def test_pickled_code_is_not_loaded_as_weights(method: str, tmp_path: Path) -> None:
    package = method.partition(":")[0]
    pytest.importorskip(package)
    torch.save({"fc": os.system}, tmp_path / "pytorch_model.pth")
    record = extractors.choose_method("vision", f"{method}{tmp_path}")
    with pytest.raises(InvalidInput, match="save weights as safetensors"):
        extractors.begin_extractor("vision", record)


def test_opensmile_where_it_is_installed() -> None:
    pytest.importorskip("opensmile")
    voice = extractors.begin_extractor(
        "audio", extractors.choose_method("audio", "opensmile:rate=10")
    )
    values = extractors.extract_features(voice, Audio(np.zeros(16_000, np.float32), 16_000))
    assert values.shape == (10, len(voice.names))


def test_missing_packages_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for modality, methods in extractors.METHODS.items():
        for method in methods:
            lacks(monkeypatch, modality, method, "no-such-package")
            with pytest.raises(DataUnavailable, match="no-such-package"):
                extractors.choose_method(modality, method)


@pytest.fixture(scope="module")
def few_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of four short clips."""
    folder = tmp_path_factory.mktemp("few")
    recordings.make(folder, 4, seconds=1.0, words="column", split=False)
    return folder


@pytest.mark.parametrize(
    ("error", "resume"), [("ENOSPC", True), ("EDQUOT", True), ("EROFS", False)]
)
def test_full_disk_ends_in_one_line_and_extraction_resumes_or_restarts(
    imported: Path,
    few_clips: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: str,
    resume: bool,
) -> None:
    """A write that fails is no fault of the recording: none is left out for it."""
    name = f"on-{error.lower()}"
    write = _disk_cache.write_arrays

    def write_two(path: Path, arrays: dict[str, np.ndarray]) -> None:
        if len(list(path.parent.glob("*.npz"))) >= 2:
            number = getattr(errno, error)
            raise OSError(number, os.strerror(number), str(path))
        write(path, arrays)

    monkeypatch.setattr(_disk_cache, "write_arrays", write_two)
    with pytest.raises(DataUnavailable, match="The features cannot be written") as raised:
        extract.extract(few_clips, name, methods=SEEN)
    assert "\n" not in str(raised.value)
    assert len(list((imported / f".extract-{name}").glob("*.npz"))) == 2
    monkeypatch.setattr(_disk_cache, "write_arrays", write)
    outcome = extract.extract(few_clips, name, methods=SEEN, resume=resume)
    assert (outcome.resumed, outcome.failures) == (2 if resume else 0, [])
    assert len(data.load(name)) == 4
    assert not (imported / f".extract-{name}").exists()


def test_two_processes_extract_the_same(imported: Path, few_clips: Path) -> None:
    for name, processes in (("alone", 1), ("shared", 2)):
        extract.extract(few_clips, name, methods=SEEN, processes=processes)
    alone, shared = (data.load(name).modalities[0].values for name in ("alone", "shared"))
    np.testing.assert_array_equal(alone, shared)


def test_unreadable_recordings_are_reported(imported: Path, tmp_path: Path) -> None:
    """Where a sample has no other, by extracting and by joining."""
    unread = {"memo.mkv": ".mp4 or .wav", "memo2.opus": ".wav", "call/memo3.HEIC": ".png"}
    recordings.make(tmp_path, 4, seconds=1.0, words="column")
    table = tmp_path / "labels.csv"
    header, *rows = table.read_text(encoding="utf-8").splitlines()
    columns = header.split(",")
    lines = [header, *rows]
    for file in unread:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"something")
        values = dict(zip(columns, rows[0].split(","), strict=True)) | {"id": path.stem}
        lines.append(",".join(values[column] for column in columns))
    rows_of(table, "\n".join(lines))
    outcome = extract.extract(tmp_path, "unread", methods=SEEN)
    failures = {one.id: one.why for one in outcome.failures}
    assert set(failures) == {Path(file).stem for file in unread}
    for file, wanted in unread.items():
        suffix = Path(file).suffix.lower()
        words = f"`{file}` is there, but {suffix} is not read: convert it to {wanted}."
        assert words in failures[Path(file).stem]


def test_a_memo_of_a_telephone_is_extracted(imported: Path, tmp_path: Path) -> None:
    for number in range(3):
        voice = np.sin(np.arange(16_000) / (7 + number)).astype(np.float32) / 2
        path = recordings.write(tmp_path / f"memo{number}.mp4", None, voice)
        path.rename(path.with_suffix(".m4a"))
    rows_of(tmp_path / "labels.csv", "id,label\nmemo0,1.5\nmemo1,2.5\nmemo2,3.5\n")
    methods = {"audio": METHODS["audio"], "vision": "none", "text": "none"}
    outcome = extract.extract(tmp_path, "memos", methods=methods)
    assert outcome.failures == []
    assert data.load("memos").names == ("audio",)
