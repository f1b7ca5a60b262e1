"""Recordings, pictures and texts that require more work than they declare are refused quickly, one file at a time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qfusion.data import (
    clip_copies,
    clip_join,
    decoder_messages,
    decoders,
    frame_reader,
    media_files,
    media_probe,
    own_inputs,
    own_samples,
    picture_reader,
    sound_reader,
    timed_words,
)
from qfusion.data.own_inputs import OwnInput
from qfusion.data.sample_content import Audio, Clip, Word
from qfusion.errors import InvalidInput, QFusionError
from tests.support import hostile_media as hostile, media_cost, recordings
from tests.support.media_cost import Cost
from tests.support.media_sets import imported
from tests.support.own_samples import parity, picture, stroke


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache and imported sets of every test's own."""
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))


# Files that declare more samples than they have bytes: name, where it says so, and how many.
INDEXES = {
    "voice.mp4": ("sizes", 40_000_000),
    "memo.mov": ("sizes", 85_000_000),
    "talk.mp4": ("fragment", 40_000_000),
    "times.mp4": ("times", 4_000_000_000),
}
# Pictures of many scans: how many, and pixels of a side.
PICTURES = {"p.jpg": (1500, 512), "q.jpeg": (400, 1024), "r.png": (2000, 256)}
CUE = "00:00:01,000 --> 00:00:02,000\n"
TEXTS = {
    "digits.srt": "1" * 400_000,
    "pairs.vtt": "12:" * 200_000 + "-->",
    "times.srt": ("1" * 50 + ":00:00,0 --> ") * 20_000,
    "tags.srt": CUE + "<" * 300_000,
    "braces.vtt": CUE + "{\\an" * 100_000,
    "spaces.srt": CUE + "\n" + " \t" * 200_000 + "x",
    "quotes.TextGrid": '"' * 300_001,
    "digits.TextGrid": "1" * 400_000,
    "brackets.TextGrid": "[1" * 200_000,
    "tiers.TextGrid": hostile.tiers(800, 18_000),
    "claims.TextGrid": '"IntervalTier"\n"a"\n0\n9\n999999999\n' * 9000,
}


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cost]:
    """What it takes to read each of these files, by its name."""
    folder = tmp_path_factory.mktemp("oversized")
    for name, (place, count) in INDEXES.items():
        (folder / name).write_bytes(hostile.index(count, where=place))
    for name, (count, side) in PICTURES.items():
        (folder / name).write_bytes(hostile.scans(count, side))
    for name, content in TEXTS.items():
        (folder / name).write_text(content)
    probed = {folder / name: "probe" for name in (*INDEXES, *PICTURES)}
    read = {folder / name: "words" for name in TEXTS}
    measured = media_cost.measure(probed | read, folder)
    return {path.name: cost for path, cost in measured.items()}


# Files that declare more than they hold.


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_of_more_samples_than_bytes_is_refused(costs: dict[str, Cost], name: str) -> None:
    place, count = INDEXES[name]
    size = len(hostile.index(count, where=place))
    assert f"`{name}` declares {count:,} samples and has {size} bytes" in costs[name].answer
    assert costs[name].seconds < 2
    assert costs[name].mib < 400


def test_index_of_true_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "short.mp4"
    path.write_bytes(hostile.index(60))
    assert media_probe.probe(path).sound == 8000


def test_a_recording_of_another_kind_takes_no_memory() -> None:
    """As an ending that its kind does not have, and as one that it has."""
    dataset = parity()
    for ending, words in ((".mp4", "must not end in '.mp4'"), (".wav", "must not end in '.wav'")):
        with pytest.raises(InvalidInput, match=words):
            own_samples.make_sample(
                dataset, {"left": OwnInput("drawing", hostile.index(10**7), ending)}, "pair-0001"
            )
    for kind, ending in (("recording", ".png"), ("recording", ".mp4"), ("clip", ".jpg")):
        with pytest.raises(InvalidInput, match="must not end in"):
            own_inputs.make_features(lambda given: given, OwnInput(kind, b"0" * 100, ending))
    with pytest.raises(InvalidInput, match="declares 10,000,000 samples"):
        own_inputs.make_features(
            media_probe.probe, OwnInput("recording", hostile.index(10**7), ".m4a")
        )


# What does not end by itself: the process that reads it does.


@decoders.run_in_process(1)
def _spins(path: Path) -> None:
    while path:
        pass


@decoders.run_in_process(5)
def _hoards(path: Path) -> int:
    return len(bytes(path.name, "utf-8") * (1 << 32))


@decoders.run_in_process(5)
def _ends(path: Path) -> None:
    os.abort()


@decoders.run_in_process(5)
def _sleeps(path: Path) -> None:
    time.sleep(60)


@pytest.mark.parametrize(
    ("reads", "words"),
    [
        (_spins, "`a.mp4` takes more than 1 s of processor time"),
        (_hoards, r"`a.mp4` cannot be read \(MemoryError\)"),
        (_ends, r"`a.mp4` ends the process that reads it \(status -6\)"),
    ],
)
def test_reading_process_has_limits(
    reads: Callable[[Path], Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=words):
        reads(tmp_path / "a.mp4")
    Image.new("RGB", (3, 2)).save(tmp_path / "p.png")
    assert media_probe.probe(tmp_path / "p.png").size == (3, 2)  # the next file is read


def test_abandoned_process_ends(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    with pytest.raises(QFusionError, match="reading was cancelled"):
        _sleeps(tmp_path / "a.mp4", stop=stop)  # type: ignore[call-arg]
    assert time.monotonic() - began < 10


# Pictures.


@pytest.mark.parametrize("name", PICTURES)
def test_picture_with_many_scans_is_refused(costs: dict[str, Cost], name: str) -> None:
    count, side = PICTURES[name]
    words = f"`{name}` goes over its {side * side:,} pixels {count:,} times"
    assert words in costs[name].answer
    assert costs[name].seconds < 2


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": True}])
def test_usual_pictures_are_read(tmp_path: Path, options: dict[str, Any]) -> None:
    """Also one with a small picture in its head, and a film behind its end, as telephones write them."""
    path, pixels = tmp_path / "p.jpg", np.full((40, 60, 3), 99, np.uint8)
    if options.pop("exif", False):
        exif = Image.Exif()
        exif[0x010E] = "a small picture " + hostile.scans(12, 32).decode("latin-1")
        options["exif"] = exif
    Image.fromarray(pixels).save(path, **options)
    path.write_bytes(path.read_bytes() + b"\xff\xda\x00\x00" * 9999)
    assert picture_reader.read_picture(path).shape == (40, 60, 3)


@pytest.mark.parametrize(
    "sent",
    [
        "data:image/png;base64," + "!" * 8,
        "data:image/jpeg;base64,/9j/4AAQ",
        "",
        7,
        {"drawing": "x"},
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAABwAAAAc",
    ],
)
def test_the_canvas_sends_a_png_of_its_size(sent: Any) -> None:
    with pytest.raises(InvalidInput, match="What the canvas sent is no picture of it"):
        own_inputs.read_canvas(sent)


def test_canvas_input_must_be_png() -> None:
    import base64

    def address(data: bytes) -> str:
        return "data:image/png;base64," + base64.b64encode(data).decode()

    drawn = stroke().data
    assert own_inputs.read_canvas(address(drawn)) == OwnInput("drawing", drawn)
    for other in (hostile.scans(300), stroke(281).data, picture(np.eye(28)).data[:-9][:20]):
        with pytest.raises(InvalidInput, match="no PNG of 280 x 280 pixels"):
            own_inputs.read_canvas(address(other))
    script = Path(own_samples.__file__).parents[1] / "assets" / "canvas.js"
    assert f"SIDE = {own_inputs.CANVAS}," in script.read_text()
    with pytest.raises(InvalidInput, match="must be a PNG, but is a JPEG"):
        own_samples.make_sample(
            parity(), {"left": OwnInput("drawing", hostile.scans(300))}, "pair-0001"
        )


def test_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, pictures = picture_reader.read_picture, list[Path]()
    monkeypatch.setattr(
        picture_reader, "read_picture", lambda *given: (pictures.append(given[0]), read(*given))[1]
    )
    monkeypatch.setattr(own_samples, "RESULTS", own_samples.ResultCache())
    dataset, drawn = parity(), {"left": stroke(width=31)}
    assert own_samples.find_sample(dataset, drawn, "pair-0001") is None
    first = own_samples.make_sample(dataset, drawn, "pair-0001")
    assert own_samples.make_sample(dataset, drawn, "pair-0001") is first
    assert own_samples.find_sample(dataset, drawn, "pair-0001") is first
    assert own_samples.make_sample(dataset, drawn, "pair-0002") is not first
    assert len(pictures) == 2
    bad = {"left": OwnInput("drawing", b"no picture")}
    for _ in range(3):
        with pytest.raises(InvalidInput, match="whole PNG or JPEG"):
            own_samples.make_sample(dataset, bad, "pair-0001")
    assert len(pictures) == 3
    monkeypatch.setattr(own_samples, "MAX_RESULTS", 2)
    for width in (7, 9, 11):
        own_samples.make_sample(dataset, {"left": stroke(width=width)}, "pair-0001")
    assert own_samples.find_sample(dataset, drawn, "pair-0001") is None


# Sound and pictures that take long.


@pytest.mark.parametrize(("samples", "rate"), [(32_768, 16_000), (16_384, 8_000), (65_535, 48_000)])
def test_sound_beyond_its_duration_is_refused(tmp_path: Path, samples: int, rate: int) -> None:
    path = hostile.timeless(tmp_path / "t.webm", 3000, samples, rate)
    with pytest.raises(InvalidInput, match="holds more sound than its times have room for"):
        sound_reader.read_sound(path)
    path = hostile.timeless(tmp_path / "few.webm", 5, samples, rate)
    assert sound_reader.read_sound(path).rate == 16_000


def test_pixels_and_samples_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "in_decoder", [True])  # here, so that the limits can be set
    film = hostile.black(tmp_path / "film.mp4", (640, 480), 60)
    monkeypatch.setattr(media_files, "MAX_SHOWN", 640 * 480 * 40)
    with pytest.raises(decoder_messages.TooMuchWork, match="pixels or"):
        frame_reader.read_film(film, rate=30)
    monkeypatch.setattr(media_files, "MAX_SHOWN", 640 * 480 * 61)
    assert len(frame_reader.read_film(film, rate=30).frames) == 60
    tone = recordings.write(tmp_path / "s.wav", None, np.ones(80_000, np.float32) / 9)
    monkeypatch.setattr(media_files, "MAX_HEARD", 40_000)
    with pytest.raises(decoder_messages.TooMuchWork, match=r"samples of `s\.wav`"):
        sound_reader.read_sound(tone)


def test_too_expensive_input_is_not_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, path = list[Path](), tmp_path / "a.mp4"
    path.write_bytes(b"1")

    def write(path: Path, *given: Any, stop: Any = None) -> None:
        tried.append(path)
        raise decoder_messages.TooMuchWork("It takes too long.")

    monkeypatch.setattr(clip_copies, "write_copy", write)
    for _ in range(3):
        with pytest.raises(decoder_messages.TooMuchWork, match="too long"):
            clip_copies.make_copy(Clip(path, "video", 0.0, 1.0))
    with pytest.raises(decoder_messages.TooMuchWork, match="too long"):
        clip_copies.find_copy(Clip(path, "video", 0.0, 1.0))
    assert len(tried) == 1
    path.write_bytes(b"another")
    with pytest.raises(decoder_messages.TooMuchWork, match="too long"):
        clip_copies.make_copy(Clip(path, "video", 0.0, 1.0))
    assert len(tried) == 2


# Texts.


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_read_in_one_pass(costs: dict[str, Cost], name: str) -> None:
    answer, seconds, mib = costs[name]
    assert seconds < 3, answer
    assert mib < 400
    assert answer.isdigit() or f"`{name}`" in answer


def test_only_the_word_tier_of_a_textgrid_is_read(tmp_path: Path) -> None:
    def tier(kind: str, name: str, rows: list[str]) -> str:
        return f'"{kind}"\n"{name}"\n0\n9\n{len(rows)}\n' + "\n".join(rows) + "\n"

    head = '"ooTextFile"\n"TextGrid"\n0\n9\n<exists>\n3\n'
    phones = tier("IntervalTier", "phones", [f'{n} {n + 1} "P"' for n in range(25_000)])
    points = tier("TextTier", "IntervalTier", ['1 "x"', '2 "IntervalTier"'])
    words = tier("IntervalTier", "Words", ['0 1 "IntervalTier"', '1 2 ""', '2 3 "[1] two"'])
    path = tmp_path / "w.TextGrid"
    path.write_text(head + phones + points + words)
    assert timed_words.read_words(path) == (Word(0, 1, "IntervalTier"), Word(2, 3, "[1] two"))
    path.write_text(head + points + words + phones)
    assert len(timed_words.read_words(path)) == 2
    path.write_text(head + phones)
    with pytest.raises(InvalidInput, match="must hold 1 to 20,000 words, but holds more"):
        timed_words.read_words(path)
    path.write_text(head + tier("IntervalTier", "w", ['0 1 "a"']).replace("\n1\n", "\n7\n"))
    with pytest.raises(InvalidInput, match=r"not laid out as \.TextGrid files are"):
        timed_words.read_words(path)


def test_markup_of_subtitles_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "w.vtt"
    path.write_text(
        "WEBVTT\n\nNOTE a --> b\n\n"
        + CUE.strip()
        + " align:left\n<c.a>one</c> {\\an8}two <three\nfour>\n\n"
        "x\n99:59.5 --> 100:00.5\nfive < six\n"
    )
    assert [word.text for word in timed_words.read_words(path)] == [
        "one",
        "two",
        "five",
        "<",
        "six",
    ]


# A folder of which some files are damaged.


def damaged(folder: Path, ids: list[str]) -> None:
    """Recordings, of which all but the last are damaged, each otherwise."""
    good = recordings.write(folder / "good.webm", None, np.ones(32_000, np.float32) / 9)
    content = good.read_bytes()
    good.rename(folder / f"{ids[-1]}.webm")
    place = content.index(b"A_OPUS")
    (folder / f"{ids[0]}.webm").write_bytes(content.replace(b"A_OPUS", b"A_0PUS"))
    (folder / f"{ids[1]}.webm").write_bytes(content[:place] + bytes(40) + content[place + 40 :])
    (folder / f"{ids[2]}.mp4").write_bytes(hostile.index(10**8))
    (folder / f"{ids[3]}.jpg").write_bytes(hostile.scans(900))


def test_damaged_file_does_not_stop_the_join(tmp_path: Path) -> None:
    ids = ["a", "b", "c", "d", "e"]
    made, root = imported(tmp_path, ids), tmp_path / "files"
    root.mkdir()
    damaged(root, ids)
    report = clip_join.join_recordings(made, root)
    assert [line.partition(":")[0] for line in report.problems] == [
        "a.webm",
        "b.webm",
        "c.mp4",
        "d.jpg",
    ]
    assert made.clip_of(4).kind == "audio"


@pytest.mark.parametrize("name", ["b.mkv", "deep/b.WMA", "b.tiff"])
def test_unreadable_recording_is_reported(tmp_path: Path, name: str) -> None:
    made, root = imported(tmp_path, ["a", "b", "c"]), tmp_path / "files"
    (root / name).parent.mkdir(parents=True)
    recordings.write(root / "a.wav", None, np.ones(16_000, np.float32) / 9)
    (root / name).write_bytes(b"something")
    (root / "other.mkv").write_bytes(b"something")
    (line,) = clip_join.join_recordings(made, root).problems
    assert f"`{name}` is there, but {Path(name).suffix.lower()} is not read: convert it to" in line


# Channels that cancel each other.


@pytest.mark.parametrize("name", ["s.wav", "s.flac", "s.mp4"])
@pytest.mark.parametrize("gains", [(1.0, -1.0), (0.2, -0.19), (-0.5, 0.5)])
def test_channels_that_cancel_are_not_silence(
    tmp_path: Path, name: str, gains: tuple[float, float]
) -> None:
    tone = np.sin(np.arange(48_000) / 9) * 0.5
    heard = sound_reader.read_sound(stereo(tmp_path / name, tone, gains), 0.5, 1.5)
    assert np.sqrt(np.mean(heard.samples**2)) == pytest.approx(
        0.5 / np.sqrt(2) * max(np.abs(gains)), rel=0.05
    )


@pytest.mark.parametrize("gains", [(1.0, 1.0), (1.0, 0.0), (0.6, 0.9), (0.0, 0.0)])
def test_ordinary_channels_are_averaged(tmp_path: Path, gains: tuple[float, float]) -> None:
    tone = np.sin(np.arange(48_000) / 9) * 0.5
    heard = sound_reader.read_sound(stereo(tmp_path / "s.wav", tone, gains), 0.5, 1.5, 16_000)
    expected = tone[8000:24_000] * sum(gains) / np.sqrt(2)  # as FFmpeg mixes them
    np.testing.assert_allclose(heard.samples[50:-50], expected[50:-50], atol=2e-3)


def stereo(path: Path, tone: np.ndarray, gains: tuple[float, float]) -> Path:
    """Writes a recording of two channels, each the tone times a number, at 16 kHz."""
    import av

    codec = {".wav": "pcm_s16le", ".flac": "flac", ".mp4": "aac"}[path.suffix]
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=16_000, layout="stereo")
        values = np.round(32_767 * np.stack([tone * gain for gain in gains], 1)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(values.reshape(1, -1), "s16", "stereo")
        frame.sample_rate = 16_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_files_of_telephones_are_read(tmp_path: Path) -> None:
    """.m4a and .m4v, which are MP4 by another name."""
    voice = recordings.write(tmp_path / "v.mp4", None, np.ones(32_000, np.float32) / 9)
    film = hostile.black(tmp_path / "f.mp4", (64, 48), 24)
    memo, show = voice.rename(tmp_path / "memo.m4a"), film.rename(tmp_path / "show.M4V")
    assert media_probe.probe(memo).kind == "audio"
    assert isinstance(sound_reader.read_sound(memo), Audio)
    assert media_probe.probe(show).kind == "video"
    assert frame_reader.read_film(show, rate=4, side=16).frames.shape[1:] == (12, 16, 3)
