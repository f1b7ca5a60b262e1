"""Fusion tasks with raw content: easy-VQA and AVLetters; and their archives."""

from __future__ import annotations

import functools
import http.server
import io
import json
import os
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture, ImageDraw

from qfusion import data
from qfusion.data import DataSet, Text, registry
from qfusion.data.readers import variables
from qfusion.data.sample_content import Film, Image, Series
from qfusion.data.sources import PinnedFile
from qfusion.errors import DataUnavailable, IntegrityError, InvalidInput
from qfusion.plugins.sets import avletters, digests, easyvqa
from qfusion.plugins.sets.archives import Archive

INK = {"red": (255, 0, 0), "blue": (0, 0, 255)}


@pytest.fixture(autouse=True)
def own_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if "real_data" not in request.fixturenames:  # whose pictures take a second to read
        monkeypatch.setenv("QFUSION_CACHE", str(tmp_path / "cache"))
    for name in ("EASYVQA", "EASYVQA_YESNO", "AVLETTERS"):
        monkeypatch.delenv(f"QFUSION_{name}_URL", raising=False)


def pins(folder: Path, files: tuple[PinnedFile, ...]) -> tuple[PinnedFile, ...]:
    """The pins of what is in `folder` now."""
    return tuple(replace(file, sha256=file.digest(folder / file.path), size=0) for file in files)


# ---- easy-VQA, in a stand-in


def shape(colour: str, form: str) -> bytes:
    """A PNG of a shape on a light ground."""
    picture = Picture.new("RGB", (64, 64), (240, 250, 245))
    draw = ImageDraw.Draw(picture)
    (draw.ellipse if form == "circle" else draw.rectangle)((10, 20, 30, 40), INK[colour])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder laid out like `easyvqa`: ten pictures to train on and four to test on, four questions each."""
    monkeypatch.setattr(easyvqa, "EASYVQA_PARTS", {"train": 10, "test": 4})
    folder = tmp_path / "easyvqa"
    for part, count in easyvqa.EASYVQA_PARTS.items():
        (folder / part / "images").mkdir(parents=True)
        rows = []
        for i in range(count):
            colour, form = ("red", "blue")[i % 2], ("circle", "rectangle")[i // 2 % 2]
            (folder / part / "images" / f"{i}.png").write_bytes(shape(colour, form))
            rows += [
                ("what color is the shape?", colour, i),
                (f"what is the {colour} shape?", form, i),
                ("is there a red shape?", "yes" if colour == "red" else "no", i),
                ("is no circle present?", "no" if form == "circle" else "yes", i),
            ]
        (folder / part / "questions.json").write_text(json.dumps(rows))
    return folder


def read(folder: Path, yes_no: bool = False) -> DataSet:
    return easyvqa.read_easyvqa(folder, pins(folder, easyvqa.EASYVQA_FILES), yes_no)


def test_every_picture_has_questions(asked: Path) -> None:
    ds = read(asked)
    assert ds.input_specs == {
        "picture": {
            "size": 3 * easyvqa.SMALL**2,
            "sequence": False,
            "shape": (easyvqa.SMALL,) * 2 + (3,),
        },
        "question": {"size": 26, "sequence": True},
    }
    assert len(ds) == 4 * 14
    assert [len(ds.rows(part)) for part in ("train", "valid", "test")] == [36, 4, 16]
    pictures = ds.table.picture.to_numpy()
    parts = [set(pictures[ds.rows(part)]) for part in ("train", "valid", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 14
    assert ds.digest == read(asked).digest
    yes_no = read(asked, yes_no=True)
    assert yes_no.target.classes == ("no", "yes")
    assert set(yes_no.table.kind) == {"is it there: colour", "is it not there: shape"}
    for answer, picture, question in zip(
        yes_no.table.answer, yes_no.table.picture, yes_no.table.question, strict=True
    ):
        part, number = picture.split("-")
        seen = json.loads((asked / part / "questions.json").read_text())
        assert [question, answer, int(number)] in seen


def test_picture_and_question_are_shown(asked: Path) -> None:
    ds = read(asked)
    for row in (0, len(ds) - 1):
        shown = ds.content(row)
        part, number = ds.table.picture.iloc[row].split("-")
        with Picture.open(asked / part / "images" / f"{int(number)}.png") as original:
            pixels = np.asarray(original)
        assert isinstance(shown["picture"], Image)
        np.testing.assert_array_equal(shown["picture"].pixels[::2, ::2], pixels)
        assert isinstance(shown["question"], Text)
        assert shown["question"].text == ds.table.question.iloc[row]
        steps = ds.modalities[1].values[row, : ds.modalities[1].lengths[row]]  # type: ignore[index]
        assert shown["question"].words == tuple(easyvqa.WORDS[i] for i in steps.argmax(1))
        # drawing the picture gives the features of the set
        made, content = ds.feature_transforms["picture"].make(pixels)
        np.testing.assert_array_equal(made, ds.modalities[0].values[row])
        assert isinstance(content, Image)
        made, _ = ds.feature_transforms["question"].make(ds.table.question.iloc[row])
        np.testing.assert_array_equal(made, steps)


@pytest.mark.parametrize(
    ("modality", "given", "message"),
    [
        ("picture", np.full((50, 80, 3), 9, np.uint8), "of one colour throughout"),
        ("picture", np.zeros((8, 8)), r"must hold 8-bit colours of shape \(h, w, 3\)"),
        (
            "question",
            "is there a purple shape?",
            "'purple' is not known to this data set. Known are: .*black, blue,",
        ),
        ("question", "?!", "1 to 40 words, but has 0"),
        ("question", "a " * 41, "1 to 40 words, but has 41"),
    ],
)
def test_invalid_input_is_refused(asked: Path, modality: str, given: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(asked).feature_transforms[modality].make(given)


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("train/images/3.png", b"GIF89a", r"`train/images/3.png` .* must be a PNG"),
        (
            "train/images/3.png",
            None,
            r"`train/images/3.png` .* must have 64x64 pixels, but has \(32, 8\)",
        ),
        ("test/questions.json", b"{", r"`test/questions.json` must be JSON"),
        ("test/questions.json", b'[["is it?", "maybe", 0]]', "row 1 is"),
        ("test/questions.json", b'[["is it?", "no", 4]]', "number of a picture, but row 1 is"),
        (
            "test/questions.json",
            b'[["what else?", "no", 0]]',
            "'else' is not known to this data set",
        ),
    ],
)
def test_files_of_another_format_are_refused(
    asked: Path, path: str, content: bytes | None, message: str
) -> None:
    if content is None:
        Picture.new("RGB", (32, 8)).save(asked / path)
    else:
        (asked / path).write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        read(asked)


def test_altered_and_missing_files_are_refused(asked: Path) -> None:
    fixed = pins(asked, easyvqa.EASYVQA_FILES)
    picture = asked / "train" / "images" / "3.png"
    content = picture.read_bytes()
    picture.write_bytes(content + b"!")
    with pytest.raises(
        IntegrityError, match=r"`train/images` .* SHA-256 differs.*data get easyvqa"
    ):
        easyvqa.read_easyvqa(asked, fixed)
    picture.write_bytes(content)
    assert easyvqa.read_easyvqa(asked, fixed, yes_no=True)
    (asked / "train" / "questions.json").unlink()
    with pytest.raises(DataUnavailable, match=r"lacks `train/questions.json`.*get easyvqa-yesno"):
        easyvqa.read_easyvqa(asked, fixed, yes_no=True)


# ---- archives


def pack(members: Mapping[str, bytes | tarfile.TarInfo]) -> bytes:
    """A .tar.gz as hosts make them, of files' contents or whatever else."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo()
            info.name = name
            if not isinstance(content, tarfile.TarInfo):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                archive.addfile(info)
    return buffer.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that a server on this machine offers, and its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing: requests are not printed."""

    folder = tmp_path / "host"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def published(
    asked: Path, host: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, bytes | tarfile.TarInfo]:
    """The stand-in as members of its archive, offered; its pins are those of the sources."""
    monkeypatch.setitem(
        registry.sources(),
        "easyvqa",
        replace(
            easyvqa.EASYVQA,
            files=pins(asked, easyvqa.EASYVQA_FILES),
            fetch=replace(easyvqa.EASYVQA_ARCHIVE, count=16, most=2**20).fetch,
        ),
    )
    members: dict[str, bytes | tarfile.TarInfo] = {
        f"easy-VQA-3b553bb/easy_vqa/data/{name}": content
        for name, content in contents(asked).items()
    }
    offer(host, {"easy-VQA-3b553bb/README.md": b"what is not wanted", **members})
    return members


def offer(host: tuple[Path, str], members: Mapping[str, bytes | tarfile.TarInfo]) -> None:
    (host[0] / "3b553bb.tar.gz").write_bytes(pack(members))


def test_an_archive_is_unpacked_and_checked(
    published: Any,
    host: tuple[Path, str],
    asked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QFUSION_EASYVQA_URL", host[1])
    seen: list[tuple[int, int, str]] = []
    got = registry.download("easyvqa", tmp_path / "got", progress=lambda *now: seen.append(now))
    assert contents(got) == contents(asked)
    assert seen[0] == (0, 16, "3b553bb.tar.gz")
    # once there, nothing is fetched again; what was altered is replaced
    (host[0] / "3b553bb.tar.gz").rename(host[0] / "gone")
    registry.download("easyvqa", got)
    (host[0] / "gone").rename(host[0] / "3b553bb.tar.gz")
    (got / "train" / "images" / "extra.png").write_bytes(b"")
    (got / "test" / "questions.json").write_text("altered")
    registry.download("easyvqa", got)
    assert contents(got) == contents(asked)


def hole(size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.size = tarfile.SYMTYPE, 0
    info.linkname = "/etc/passwd"
    return info


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: {k: v for k, v in m.items() if "7.png" not in k},
            "must hold 16 files .* holds 15",
        ),
        (
            lambda m: {k: v + b"!" if "7.png" in k else v for k, v in m.items()},
            "`train/images` of archive .* SHA-256",
        ),
        (lambda m: {k: hole(0) if "7.png" in k else v for k, v in m.items()}, "holds 15"),
        (lambda m: {k.replace("7.png", "../../7.png"): v for k, v in m.items()}, "holds 15"),
        (lambda m: {f"/{k}": v for k, v in m.items()}, "holds 0"),
        (lambda m: {"x/bomb": bytes(2**21), **m}, "larger than the recorded one can be"),
    ],
)
def test_foreign_archive_is_not_unpacked(
    published: dict[str, bytes],
    host: tuple[Path, str],
    tmp_path: Path,
    change: Callable[[dict[str, bytes]], dict[str, bytes]],
    message: str,
) -> None:
    offer(host, change(published))
    target = tmp_path / "got"
    (target / "train").mkdir(parents=True)
    (target / "train" / "questions.json").write_text("old")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(IntegrityError, match=f"(?s){message}.*Nothing was changed"):
        registry.download("easyvqa", target, host[1], retries=0)
    assert contents(target) == {"train/questions.json": b"old"}
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("alter", "error", "message"),
    [
        (lambda whole: whole[: len(whole) // 2], IntegrityError, "cannot be unpacked"),
        (lambda whole: b"<html>" + whole, IntegrityError, "cannot be unpacked"),
        (
            lambda whole: whole[:40] + os.urandom(len(whole) - 40),
            IntegrityError,
            "cannot be unpacked",
        ),
        (lambda whole: whole + bytes(2**21), IntegrityError, "larger than the recorded one"),
        (None, DataUnavailable, "HTTP 404"),
    ],
)
def test_damaged_archive_is_not_unpacked(
    published: Any,
    host: tuple[Path, str],
    tmp_path: Path,
    alter: Callable[[bytes], bytes] | None,
    error: type[Exception],
    message: str,
) -> None:
    path = host[0] / "3b553bb.tar.gz"
    if alter:
        path.write_bytes(alter(path.read_bytes()))
    else:
        path.unlink()
    with pytest.raises(error, match=message):
        registry.download("easyvqa", tmp_path / "got", host[1], retries=0)
    assert contents(tmp_path / "got") == {}


def test_sparse_files_are_not_unpacked(
    published: Any, host: tuple[Path, str], tmp_path: Path
) -> None:
    """GNU's sparse files say how long they are: a terabyte of nothing in a few bytes."""
    info = tarfile.TarInfo("x/easy_vqa/data/train/images/0.png")
    info.type = tarfile.GNUTYPE_SPARSE
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[386:398], head[398:410], head[483:495] = b"%011o\0" % 0, b"%011o\0" % 0, b"%011o\0" % 2**32
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    import gzip

    (host[0] / "3b553bb.tar.gz").write_bytes(gzip.compress(bytes(head) + bytes(1024)))
    with pytest.raises(IntegrityError, match="holds 0"):
        registry.download("easyvqa", tmp_path / "got", host[1], retries=0)


# ---- AVLetters, from four published utterances


@pytest.fixture
def letters(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The four published utterances, as if there were no others."""
    monkeypatch.setattr(avletters, "NAMES", ("A1_Anya", "A1_Bill", "A1_Faye", "A1_John"))
    return real_data / "avletters" / "original"


def test_published_files_are_read(
    letters: Path,
    real_data: Path,
    host: tuple[Path, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    members = {
        f"x/avletters/{'Lips' if path.suffix == '.mat' else 'Audio/mfcc/Clean'}/{path.name}": path.read_bytes()
        for path in letters.rglob("*.m*")
        if path.is_file()
    }
    assert len(members) == 8
    name = avletters.AVLETTERS_ARCHIVE.url.rpartition("/")[2]
    (host[0] / name).write_bytes(pack(members))
    for path in letters.rglob("*.m*"):
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    avletters.make_arrays(tmp_path)
    whole = variables.read_npz(real_data / "avletters" / "avletters.npz")
    own = variables.read_npz(tmp_path / "avletters.npz")
    assert own["names"].tolist() == whole["names"][:4].tolist() == list(avletters.NAMES)
    for key in ("lips", "mfcc", "lips_lengths", "mfcc_lengths"):
        assert own[key].dtype == whole[key].dtype
        np.testing.assert_array_equal(own[key], whole[key][: len(own[key])])
    monkeypatch.setitem(
        registry.sources(),
        "avletters",
        replace(
            avletters.AVLETTERS,
            files=pins(tmp_path, avletters.AVLETTERS_FILES),
            fetch=replace(avletters.AVLETTERS_ARCHIVE, count=8).fetch,
        ),
    )
    got = registry.download("avletters", tmp_path / "got", host[1])
    assert [path.name for path in got.iterdir()] == ["avletters.npz"]
    assert digests.sha256_of_arrays(got / "avletters.npz") == digests.sha256_of_arrays(
        tmp_path / "avletters.npz"
    )


@pytest.mark.parametrize("cut", [0, 3, 20, 100])
def test_truncated_utterances_are_refused(letters: Path, cut: int) -> None:
    for reader, path in (
        (avletters.read_lips, letters / "Lips" / "A1_Anya-lips.mat"),
        (avletters.read_mfcc, letters / "mfcc" / "A1_Anya.mfcc"),
    ):
        with pytest.raises(InvalidInput, match=f"File `{path.name}` must be .* Download it again"):
            reader(path.read_bytes()[:cut], path.name)


# ---- the real files


@pytest.mark.parametrize(("name", "classes"), [("easyvqa", 13), ("easyvqa-yesno", 2)])
def test_real_easy_vqa_files(real_data: Path, name: str, classes: int) -> None:
    ds = data.load(name)
    sizes = [13744, 1507, 3828] if classes == 13 else [12358, 1353, 3438]
    assert [len(ds.rows(part)) for part in ("train", "valid", "test")] == sizes
    assert len(ds.target.classes) == classes
    assert set(np.unique(ds.y)) == set(range(classes))
    assert ds.clusters is not None
    assert len(np.unique(ds.clusters.labels)) == 5000 - (classes == 2)
    assert ds.table.kind.nunique() == (4 if classes == 2 else 6)
    easyvqa.EASYVQA.verify()


@pytest.mark.parametrize("name", ["avletters", "avletters-noisy"])
def test_real_avletters_files(real_data: Path, name: str) -> None:
    ds = data.load(name)
    assert [len(ds.rows(part)) for part in ("train", "valid", "test")] == [416, 104, 260]
    assert np.bincount(ds.y[ds.rows("valid")]).tolist() == [4] * 26
    assert set(ds.table.repetition.iloc[ds.rows("test")]) == {3}
    assert set(ds.table.speaker.iloc[ds.rows("valid")]) == set(avletters.SPEAKERS)
    lips, audio = ds.modalities
    assert (lips.rate, audio.rate) == (25, 50)
    # the two last equally long, but for a few
    apart = np.abs(lips.lengths / 25 - audio.lengths / 50)  # type: ignore[operator]
    assert (apart < 0.05).mean() > 0.9
    shown = ds.content(259)
    assert isinstance(shown["lips"], Film)
    assert shown["lips"].frames.shape == (lips.lengths[259], 90, 120)  # type: ignore[index]
    assert isinstance(shown["audio"], Series)
    assert len(shown["audio"].values) == audio.lengths[259]  # type: ignore[index]


def test_noise_affects_audio_only_and_is_reproducible(real_data: Path) -> None:
    clean, noisy = avletters.read_avletters(), avletters.read_avletters(noise=1.0)
    assert noisy.digest == avletters.read_avletters(noise=1.0).digest
    np.testing.assert_array_equal(clean.modalities[0].values, noisy.modalities[0].values)
    real = np.arange(clean.modalities[1].values.shape[1]) < clean.modalities[1].lengths[:, None]  # type: ignore[index]
    apart = (noisy.modalities[1].values - clean.modalities[1].values)[real]
    spread = clean.modalities[1].values[clean.rows("train")][real[clean.rows("train")]].std(0)
    np.testing.assert_allclose(apart.std(0) / spread, 1, atol=0.02)
    assert (clean.y == noisy.y).all()


def test_archives_are_pinned_to_a_commit() -> None:
    for archive in (easyvqa.EASYVQA_ARCHIVE, avletters.AVLETTERS_ARCHIVE):
        assert isinstance(archive, Archive)
        assert archive.url.startswith("https://github.com/")
