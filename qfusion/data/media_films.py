"""A film as a video that browsers play."""

import io
from fractions import Fraction

import numpy as np

from qfusion.data.media_pictures import repeat_grey
from qfusion.data.sample_content import Film
from qfusion.errors import translate_import_errors


def encode_film(film: Film) -> bytes:
    """Return a film as an MP4 file (H.264).

    Raises:
        MissingPackage: when PyAV is not installed.
    """
    with translate_import_errors():
        import av
    frames = repeat_grey(film.frames)
    _, height, width, _ = frames.shape
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264",
            Fraction(film.rate).limit_denominator(1000),
            {"preset": "veryfast", "crf": "26"},
            height=height + height % 2,
            width=width + width % 2,
            pix_fmt="yuv420p",
        )
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
