"""Pictures and sound of a recording for a strip of time."""

import numpy as np

from qfusion._memory_cache import memo
from qfusion.data import media_files, media_pictures
from qfusion.data.media_pictures import HEARD, POSTER, THUMB, THUMBS, find_strip
from qfusion.data.sample_content import Clip, Film, Preview
from qfusion.plugins.recordings import media_probe, video_frames


@memo(32)
def preview(clip: Clip) -> Preview:
    """Return the preview of a recording on a time strip.

    Raises:
        InvalidInput, NotFound, DataUnavailable: when the file cannot be read, see `media_files`.
    """
    if clip.kind == "image":
        return Preview(0.0, poster=media_pictures.read_picture(clip.path, POSTER))
    facts = media_probe.probe(clip.path)
    end = min(clip.end or facts.seconds, clip.start + media_files.MAX_SECONDS)
    seconds = end - clip.start
    part = clip.path, clip.start, end
    film = audio = poster = None
    if facts.size is not None:
        middles = ((np.arange(THUMBS) + 0.5) * seconds / THUMBS).tolist()
        thumbs = [*video_frames.read_frames(*part, times=middles, side=THUMB)]
        film = Film(np.stack(thumbs), THUMBS / seconds)
        (poster,) = video_frames.read_frames(*part, times=[seconds / 2], side=POSTER)
    if facts.sound is not None:
        audio = media_files.read_sound(*part, HEARD)
    return Preview(seconds, poster=poster, **find_strip(film, audio))
