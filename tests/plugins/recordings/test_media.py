"""Recordings: exact times, rotation, variable rates; damaged files; joins of folders; previews."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from qfusion import data
from qfusion.data import media_files, media_pictures
from qfusion.data.sample_content import Audio, Word
from qfusion.errors import DataUnavailable, InvalidInput, NotFound
from qfusion.plugins.recordings import clip_join, clips, media_probe, timed_words, video_frames
from qfusion.plugins.recordings.clips import JoinedClip, Take
from tests.plugins.recordings.media_sets import imported
from tests.support import recordings
from tests.support.command_line import assert_refused, run

__all__ = ["run"]  # a fixture
SECONDS, RATE = 3.0, 12


def sweep(seconds: float = SECONDS, rate: float = RATE) -> np.ndarray:
    """Pictures that fill with white from the left, in proportion to the time."""
    count = round(seconds * rate)
    pictures = np.zeros((count, 48, 64, 3), np.uint8)
    for number, picture in enumerate(pictures):
        picture[:, : round(64 * number / count)] = 255
    return pictures


def beep(seconds: float = SECONDS, at: float = 1.0) -> np.ndarray:
    """Silence, and from a time on a tone."""
    t = np.arange(round(seconds * recordings.SAMPLES)) / recordings.SAMPLES
    return (0.5 * np.sin(2 * np.pi * 440 * t) * (t >= at)).astype(np.float32)


def onset(audio: Audio) -> float:
    return float(np.argmax(np.abs(audio.samples) > 0.1) / audio.rate)


def filled(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """The white part of each picture."""
    return (np.stack([*pictures])[..., 0] > 128).mean((1, 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video, a sound and a picture."""
    place = tmp_path_factory.mktemp("recordings")
    recordings.write(place / "a b.c.mp4", sweep(), beep())
    recordings.write(place / "v.webm", sweep(), beep())
    recordings.write(place / "s.wav", None, beep())
    recordings.write(place / "mute.mp4", sweep(), None)
    Image.new("RGB", (40, 30), "red").save(place / "p.png")
    return place


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache and imported sets of every test's own."""
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("QFUSION_IMPORTED", str(tmp_path / "imported"))


# ---- reading


@pytest.mark.parametrize("name", ["a b.c.mp4", "v.webm", "s.wav"])
def test_sound_times_are_exact_for_any_cut(folder: Path, name: str) -> None:
    whole = media_files.read_sound(folder / name)
    part = media_files.read_sound(folder / name, 0.75, 1.5, 8000)
    assert onset(whole) == pytest.approx(1.0, abs=0.01)
    assert len(part.samples) == 6000
    assert onset(part) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("name", ["a b.c.mp4", "v.webm"])
def test_frames_match_their_times(folder: Path, name: str) -> None:
    facts = media_probe.probe(folder / name)
    assert (facts.kind, facts.size) == ("video", (64, 48))
    assert facts.seconds == pytest.approx(SECONDS, abs=0.1)
    film = video_frames.read_film(folder / name, 1.0, 3.0, rate=2)
    assert film.rate == 2
    np.testing.assert_allclose(filled(film.frames), [2 / 6, 3 / 6, 4 / 6, 5 / 6], atol=0.02)
    at = np.stack([*video_frames.read_frames(folder / name, 0, 3, times=[0, 2.49], side=16)])
    assert at.shape == (2, 12, 16, 3)
    np.testing.assert_allclose(filled(at), [0, 29 / 36], atol=0.05)


def test_a_variable_rate_and_a_rotation_are_respected(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "variable.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, pixels in enumerate(sweep()):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = round(3000 * (number / 36) ** 2), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    shown = video_frames.read_frames(path, 0, 2.9, times=[0.1, 0.75, 2.0])
    np.testing.assert_allclose(filled(shown), np.sqrt([0.1 / 3, 0.25, 2 / 3]), atol=0.04)
    raw = (folder / "mute.mp4").read_bytes()
    at = raw.index(b"tkhd") + 44  # the matrix of a track
    turned = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    matrix = b"".join(number.to_bytes(4, "big", signed=True) for number in turned)
    (tmp_path / "turned.mp4").write_bytes(raw[:at] + matrix + raw[at + 36 :])
    assert media_probe.probe(tmp_path / "turned.mp4").size == (48, 64)
    (upright,) = video_frames.read_frames(tmp_path / "turned.mp4", 0, 3, times=[1.5])
    assert upright.shape == (64, 48, 3)
    assert upright[:20].mean() > 200 > 50 > upright[-20:].mean()  # what was left is up


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.mp4", lambda raw: b"", "is empty"),
        ("cut.mp4", lambda raw: raw[: len(raw) // 2], "must be a whole .mp4 file"),
        ("text.mp4", lambda raw: b"hello " * 99, "must be a whole .mp4 file"),
        ("film.mkv", lambda raw: raw, "must end with one of"),
        ("picture.png", lambda raw: raw, "must be a whole PNG or JPEG"),
    ],
)
def test_files_that_are_no_recordings_are_refused(
    folder: Path, tmp_path: Path, name: str, content: Any, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content((folder / "a b.c.mp4").read_bytes()))
    with pytest.raises(InvalidInput, match=f"`{name}`.*{words}"):
        media_probe.probe(path)


def test_truncated_files_are_detected(tmp_path: Path) -> None:
    path = tmp_path / "front.mp4"  # its table of contents comes first
    with av.open(str(path), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for pixels in sweep(10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        out.mux(stream.encode(None))
    raw = path.read_bytes()
    path.write_bytes(raw[: int(0.7 * len(raw))])
    with pytest.raises(InvalidInput, match=r"`front.mp4` is cut short: it is 10.0 s long"):
        media_probe.probe(path)


def test_missing_and_oversized_streams_are_reported(folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"`mute.mp4` has no sound"):
        media_files.read_sound(folder / "mute.mp4")
    with pytest.raises(InvalidInput, match=r"`s.wav` has no moving pictures"):
        video_frames.read_film(folder / "s.wav", rate=1)
    with pytest.raises(InvalidInput, match="at most 600 s"):
        media_files.read_sound(folder / "s.wav", 0, 9000)
    with pytest.raises(InvalidInput, match="longer than 0 s"):
        media_files.read_sound(folder / "s.wav", 2, 2)
    with pytest.raises(InvalidInput, match="ascending times"):
        list(video_frames.read_frames(folder / "mute.mp4", 0, 3, times=[2, 1]))
    with pytest.raises(NotFound, match="does not exist"):
        media_probe.probe(folder / "gone.mp4")
    after = media_files.read_sound(folder / "s.wav", 2.5, 4.0)  # silence beyond its end
    assert len(after.samples) == 24_000
    assert np.abs(after.samples[9000:]).max() == 0


def test_words_are_read_from_subtitles_and_textgrids(tmp_path: Path) -> None:
    cues = "00:00:0{},500 --> 00:00:0{},500\n{}\n"
    srt = tmp_path / "w.srt"
    srt.write_text(
        "\ufeff1\n" + cues.format(0, 1, "hello <i>you</i>") + "\n2\n" + cues.format(2, 3, "again")
    )
    assert timed_words.read_words(srt) == (
        Word(0.5, pytest.approx(1.1), "hello"),
        Word(pytest.approx(1.1), 1.5, "you"),
        Word(2.5, 3.5, "again"),
    )
    grid = tmp_path / "w.TextGrid"
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    interval = '        intervals [{}]:\n            xmin = {} \n            xmax = {} \n            text = "{}" \n'
    tier = (
        '    item [{}]:\n        class = "IntervalTier" \n        name = "{}" \n        xmin = 0 \n        xmax = 2 \n'
        "        intervals: size = {} \n"
    )
    grid.write_text(
        head
        + "xmin = 0 \nxmax = 2 \ntiers? <exists> \nsize = 2 \nitem []: \n"
        + tier.format(1, "phones", 1)
        + interval.format(1, 0, 2, "P")
        + tier.format(2, "words", 2)
        + interval.format(1, 0, 1.25, 'say ""hi""')
        + interval.format(2, 1.25, 2, ""),
        encoding="utf-16",
    )
    assert timed_words.read_words(grid) == (Word(0, 1.25, 'say "hi"'),)
    short = tmp_path / "s.TextGrid"
    short.write_text(head + '0\n2\n<exists>\n1\n"IntervalTier"\n"w"\n0\n2\n1\n0\n1\n"a"\n')
    assert timed_words.read_words(short) == (Word(0, 1, "a"),)
    for name, content in (("bad.TextGrid", "nothing"), ("bad.srt", "nothing"), ("bad.vtt", "")):
        (tmp_path / name).write_text(content)
        with pytest.raises(InvalidInput, match=f"`{name}`"):
            timed_words.read_words(tmp_path / name)
    spread = media_pictures.spread_words("a bb", 1, 2)
    assert spread == (Word(1, pytest.approx(1.4), "a"), Word(pytest.approx(1.4), 2, "bb"))


IDS = ["v$_$1", "v$_$2", "a b.c", "sound", "picture", "none"]


@pytest.fixture
def joined(folder: Path, tmp_path: Path) -> tuple[data.DataSet, Path]:
    """A set and a folder of its recordings, joined."""
    root = tmp_path / "Raw"
    (root / "v").mkdir(parents=True)
    shutil.copy(folder / "v.webm", root / "v" / "1.webm")
    shutil.copy(folder / "mute.mp4", root / "v" / "2.mp4")
    shutil.copy(folder / "a b.c.mp4", root)
    shutil.copy(folder / "s.wav", root / "sound.wav")
    shutil.copy(folder / "p.png", root / "picture.png")
    shutil.copy(folder / "s.wav", root / "nobody.wav")
    (root / "broken.mp4").write_bytes(b"no film")
    (root / "a b.c.srt").write_text("00:00:01,000 --> 00:00:02,000\nhello you\n")
    made = imported(tmp_path, IDS)
    clip_join.join_recordings(made, root)
    return made, root


def test_files_are_joined_by_their_names(joined: tuple[data.DataSet, Path]) -> None:
    made, root = joined
    digest = made.digest
    found = {name: made.clip_of(row) for row, name in enumerate(IDS)}
    assert [clip and clip.kind for clip in found.values()] == [
        *("video", "video", "video", "audio", "image", None)
    ]
    assert found["v$_$1"].path == (root / "v" / "1.webm").resolve()
    assert found["a b.c"].words == (Word(1, 1.6, "hello"), Word(1.6, 2, "you"))
    report = clips.coverage("mine")
    assert report is not None
    assert report.splits == {"train": [2, 2], "valid": [2, 2], "test": [1, 2]}
    assert (report.kinds, report.sounding, report.worded) == (
        {"video": 3, "audio": 1, "image": 1},
        3,
        1,
    )
    assert report.without == ["none"]
    assert report.unfit == ["broken.mp4", "nobody.wav"]
    assert data.load("mine").digest == digest


def test_only_joined_files_are_opened(joined: tuple[data.DataSet, Path], tmp_path: Path) -> None:
    made, root = joined
    row = IDS.index("sound")
    path = root / "sound.wav"
    content, state = path.read_bytes(), path.stat()
    path.write_bytes(content + b"00")
    with pytest.raises(
        DataUnavailable, match=r"sound.wav was changed since.*Join the folder again"
    ):
        made.clip_of(row)
    path.unlink()
    with pytest.raises(DataUnavailable, match="not as it was joined") as raised:
        made.clip_of(row)
    assert str(root) not in str(raised.value)
    outside = tmp_path / "secret.wav"
    outside.write_bytes(content)
    os.utime(outside, ns=(state.st_atime_ns, state.st_mtime_ns))
    path.symlink_to(outside)
    with pytest.raises(DataUnavailable, match="leads out of the folder"):
        made.clip_of(row)
    record = tmp_path / "imported" / "mine" / clips.RECORD
    content = json.loads(record.read_text())
    content["samples"]["sound"][0] = "../secret.wav"
    content["files"]["../secret.wav"] = content["files"]["sound.wav"]
    record.write_text(json.dumps(content))
    with pytest.raises(DataUnavailable, match="leads out of the folder"):
        made.clip_of(row)
    record.write_text("{")
    with pytest.raises(DataUnavailable, match="is damaged") as raised:
        made.clip_of(row)
    assert str(tmp_path) not in str(raised.value)


@pytest.mark.parametrize(
    ("starts", "takes"), [([0.5], {"x": Take("long.mp4", 0.5, 2.0)}), (["0:12"], {})]
)
def test_a_table_names_parts_of_videos_in_numbers(starts: list[Any], takes: Any) -> None:
    table = pd.DataFrame({"video": ["long"], "start": starts, "end": [2.0]})
    made: Any = SimpleNamespace(table=table)
    assert clip_join.match_by_name(made, ["x"], ["long.mp4"]) == takes


def test_duplicate_linked_and_broken_files_are_reported(folder: Path, tmp_path: Path) -> None:
    made, root = imported(tmp_path, ["x", "y", "z"]), tmp_path / "files"
    root.mkdir()
    for name in ("x.wav", "y.wav"):
        shutil.copy(folder / "s.wav", root / name)
    (root / "z.wav").symlink_to(folder / "s.wav")
    (root / "y.wav").write_bytes(b"RIFF")
    report = clip_join.join_recordings(made, root)
    assert report.splits["train"] == [1, 1]
    assert [line.partition(":")[0].partition(" ")[0] for line in report.problems] == [
        "z.wav",
        "y.wav",
    ]
    shutil.copy(folder / "mute.mp4", root / "x.mp4")
    with pytest.raises(InvalidInput, match=r"Two files are of sample 'x': x.mp4 and x.wav"):
        clip_join.join_recordings(made, root)
    assert clips.coverage("mine") == report
    with pytest.raises(InvalidInput, match=r"No file below .* is of a sample of 'mine'"):
        clip_join.join_recordings(made, tmp_path / "tables")
    with pytest.raises(NotFound, match="cannot be opened"):
        clip_join.join_recordings(made, tmp_path / "gone")
    with pytest.raises(InvalidInput, match="'digits' is neither"):
        clip_join.join_recordings(data.load("digits"), root)


def test_a_table_names_parts_of_files(folder: Path, tmp_path: Path) -> None:
    made, root = imported(tmp_path, ["x", "y", "z"]), tmp_path / "files"
    root.mkdir()
    shutil.copy(folder / "a b.c.mp4", root / "long one.mp4")
    (root / "long one.srt").write_text("00:00:01,000 --> 00:00:02,000\nhello you\n")
    table = tmp_path / "clips.csv"
    rows = [
        "x,long one.mp4,1.5,2.5",
        "y,../tables/audio.csv,,",
        "z,long one.mp4,2,9",
        "w,long one.mp4,,",
    ]
    table.write_text("\n".join(["id,path,start,end", *rows]))
    report = clip_join.join_recordings(made, root, table)
    assert len(report.problems) == 3
    clip = made.clip_of(made.row("x"))
    assert (clip.start, clip.end) == (1.5, 2.5)
    assert clip.words == (
        Word(0, pytest.approx(0.1), "hello"),
        Word(pytest.approx(0.1), 0.5, "you"),
    )
    table.write_text("id,path\nx,long one.mp4\nx,long one.mp4\n")
    with pytest.raises(InvalidInput, match=r"Two files are of sample 'x'.*line 3"):
        clip_join.join_recordings(made, root, table)
    table.write_text("name,file\n")
    with pytest.raises(InvalidInput, match="columns id and path"):
        clip_join.join_recordings(made, root, table)


def test_command_reports_joined_files(
    joined: tuple[data.DataSet, Path], run: Any, tmp_path: Path
) -> None:
    result = run("data", "media", "mine", str(joined[1]), "--json")
    assert json.loads(result.out)["unfit"] == ["broken.mp4", "nobody.wav"]
    assert "1 sample without a recording: none." in run("data", "media", "mine").out
    assert_refused(run("data", "media", "digits"), "No recordings are joined to 'digits'")


# ---- what is seen and heard


def test_preview_shows_the_segment(folder: Path) -> None:
    part = JoinedClip(folder / "a b.c.mp4", "video", 0.5, 2.5)
    shown = part.preview()
    assert shown.seconds == 2.0
    assert shown.thumbs is not None
    np.testing.assert_allclose(
        (shown.thumbs[..., 0] > 128).mean((1, 2))[[0, -1]], [0.2, 0.78], atol=0.03
    )
    assert (
        np.abs(shown.envelope[: media_pictures.BINS // 4 - 5]).max()
        < 0.05
        < np.abs(shown.envelope[-50:]).min(1).max()
    )
    loudest = shown.spectrogram.mean(1).argmax()
    assert media_pictures.EDGES[loudest] <= 440 <= media_pictures.EDGES[loudest + 1]
    assert JoinedClip(folder / "p.png", "image").preview().poster.shape == (30, 40, 3)
