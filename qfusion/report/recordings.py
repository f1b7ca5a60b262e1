"""Recordings, films and sounds of a sample as blocks of a report."""

import io
from typing import Any

import numpy as np
from scipy.io import wavfile

from qfusion.analysis import recording_strip
from qfusion.analysis.sample import Sample
from qfusion.data.media import files as media_files, films as film_video
from qfusion.data.sample_content import Audio, Clip, Film
from qfusion.errors import QFusionError
from qfusion.figures import sample_charts
from qfusion.report.blocks import MAX_MEDIA, Block, picture, recording
from qfusion.views.samples import describe_peak, describe_spread


def recording_context(sample: Sample) -> dict[str, Any]:
    """Return the template variables of the recording of a sample, and of its timeline."""
    source = recording_strip.source(sample.dataset, sample.row)
    names: dict[str, Any] = {
        "recorded": None,
        "problem": source.problem,
        "seconds": 0.0,
        "film": film_block,
        "audio": audio_block,
    }
    try:
        if source.clip is not None:
            names["recorded"] = _clip_context(source.clip)
        if source.is_timed:
            result = recording_strip.strip(sample.study, sample.row, sample.output)
            names |= {
                "seconds": result.preview.seconds,
                "over_seconds": sample_charts.draw_timeline(result, sample.modalities, sample.unit),
                "placing": describe_spread(result),
                "peaks": [(lane.modality, describe_peak(lane)) for lane in result.lanes],
            }
    except QFusionError as error:
        names["problem"] = str(error)
    return names


def _clip_context(clip: Clip) -> dict[str, Any]:
    """Return the block of a recording, and a sentence about it."""
    preview = clip.preview()
    if clip.kind == "image":
        return {"says": "The picture of the sample.", "block": picture(preview.poster, 80.0)}  # type: ignore[arg-type]
    block = recording(
        clip.kind,
        media_files.TYPES[clip.path.suffix.lower()],
        clip.path.read_bytes(),
        preview.poster,
        f"#t={clip.start:g},{clip.start + preview.seconds:g}",
    )
    says = f"The recording of the sample: {preview.seconds:.1f} s."
    if not block["media"]:
        says += f" Its file is larger than the {MAX_MEDIA // 10**6} MB that a report holds."
    return {"says": says, "block": block}


def film_block(piece: Film) -> Block:
    """Return the block of a film that the data set stores itself."""
    frames = np.asarray(piece.frames)
    return recording("video", "video/mp4", film_video.encode_film(piece), frames[len(frames) // 2])


def audio_block(piece: Audio) -> Block:
    """Return the block of a sound that the data set stores itself."""
    samples = np.round(32767 * np.clip(piece.samples, -1, 1)).astype("<i2")
    buffer = io.BytesIO()
    wavfile.write(buffer, piece.rate, samples)
    return recording("audio", "audio/wav", buffer.getvalue())
