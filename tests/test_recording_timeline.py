"""The time axis of recordings: steps keep their times, terms add up, and recordings stored in a data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from qfusion.data import files, media_films, media_pictures
from qfusion.data.sample_content import Audio, Clip, Film, Image, Preview, Text, Word
from qfusion.data.synthetic import hummed_voices
from qfusion.errors import DataUnavailable
from qfusion.explain import attribution
from qfusion.study import recording_strip
from qfusion.study.attribution import attribute
from qfusion.study.opening import open_sample
from qfusion.views import samples
from qfusion.views.pages.panel import drawn


class SilentClip(Clip):
    """A recording of two seconds without pictures and sound."""

    def preview(self) -> Preview:
        return Preview(2.0)


@pytest.fixture(scope="module")
def planted() -> Any:
    return open_sample("qj-planted", "p2924")


def test_steps_keep_their_times_and_terms_add_up(planted: Any) -> None:
    result = recording_strip.strip(planted.study, planted.row, planted.output)
    lanes = {lane.modality: lane for lane in result.lanes}
    assert set(lanes) == {"text", "audio"}
    step = hummed_voices.FRAME / hummed_voices.PROSODY_RATE
    np.testing.assert_allclose(lanes["audio"].starts, np.arange(len(lanes["audio"].starts)) * step)
    assert not lanes["audio"].spread
    assert lanes["text"].spread
    assert [word.text for word in result.words] == list(lanes["text"].names)
    np.testing.assert_allclose(lanes["text"].starts, [word.start for word in result.words])
    for name, lane in lanes.items():
        whole = attribute(
            planted.study, planted.row, name, attribution.SCORE, planted.output, "mean"
        )
        assert lane.total.sum() == pytest.approx(whole.end - whole.start, abs=0.02)
        assert set(lane.terms) == {term for term in planted.dividends if name in term.split("+")}
    picture = drawn(samples.strip)(planted)
    assert "The times of the steps of text are unknown" in picture.caption
    assert "they are spread in proportion to" in picture.caption
    assert "steps of audio" not in picture.caption
    table = picture.numbers
    assert set(table["row"]) == {"word", "text", "audio"}


def test_long_sequences_are_merged() -> None:
    count = 5 * recording_strip.MAX_STEPS + 3
    values, edges = np.arange(float(count)), np.arange(count + 1) / 10
    names = tuple(map(str, range(count)))
    lane = recording_strip.Steps("a", edges[:-1], edges[1:], {"a": values}, names, False, 0.0)
    fewer = recording_strip.merge_steps(lane)
    assert len(fewer.starts) <= recording_strip.MAX_STEPS
    assert fewer.total.sum() == values.sum()
    assert (fewer.starts[0], fewer.ends[-1]) == (0, edges[-1])
    np.testing.assert_array_equal(fewer.starts[1:], fewer.ends[:-1])


def test_recording_of_a_sample_precedes_content_of_the_set(planted: Any) -> None:
    dataset, row = planted.dataset, planted.row
    assert recording_strip.source(dataset, row).audio is not None
    clip = SilentClip(files.data_folder() / "x.mp4", "video", 0.0, 2.0, (Word(0, 1, "a"),))
    joined = replace(dataset, clip_of=lambda row: clip, recorded=dataset.digest)
    assert recording_strip.source(joined, row).clip == clip
    assert recording_strip.build_preview(recording_strip.Source(clip)).seconds == 2.0
    assert recording_strip.time_words(joined, row, clip, 2.0) == clip.words

    def gone(row: int) -> Clip:
        raise DataUnavailable("It is gone.")

    left = recording_strip.source(replace(dataset, clip_of=gone, recorded=dataset.digest), row)
    assert left.problem == "It is gone."
    assert left.audio is not None
    film = Film(np.zeros((20, 6, 8), np.uint8), 10.0)
    held = {"lips": film, "text": Text("two words"), "face": Image(np.zeros((2, 2), np.uint8))}
    seen = recording_strip.source(replace(dataset, content_of=lambda row: held, recorded="x"), row)
    assert seen.film is film
    preview = recording_strip.build_preview(seen)
    assert preview.seconds == 2.0
    assert preview.thumbs.shape == (media_pictures.THUMBS, 6, 8, 3)
    assert not recording_strip.Source(SilentClip(clip.path, "image")).is_timed
    silence = recording_strip.build_preview(
        recording_strip.Source(audio=Audio(np.zeros(800, np.float32), 8000))
    )
    assert (silence.seconds, silence.spectrogram.max()) == (0.1, -media_pictures.RANGE)


def test_film_becomes_a_video(tmp_path: Path) -> None:
    frames = np.arange(20 * 61 * 81, dtype=np.uint8).reshape(20, 61, 81) % 255
    path = tmp_path / "film.mp4"
    path.write_bytes(media_films.encode_film(Film(frames, 25.0)))
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (82, 62)
        assert float(stream.duration * stream.time_base) == pytest.approx(0.8, abs=0.05)
