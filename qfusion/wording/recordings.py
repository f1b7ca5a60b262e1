"""The times of steps and words in a recording, in sentences."""

from qfusion._sentences import listed
from qfusion.analysis.recording_strip import Steps, Strip
from qfusion.analysis.text import escape_markdown
from qfusion.data.media import files

PEAK = "at {seconds:.2f} s"
SPREAD_PEAK = "at about {seconds:.2f} s"
SPREAD_STEPS = " The times of the steps of {modalities} are unknown; they are spread over the sample{as_words}."
AS_WORDS = " like its words"
SPREAD_WORDS = " The times of the words are unknown; they are spread in proportion to their numbers of letters."
SHORTENED = " At most the first {seconds:g} s of a recording are shown."


def describe_peak(lane: Steps) -> str:
    """Return the time of a modality's largest step."""
    template = SPREAD_PEAK if lane.spread else PEAK
    return template.format(seconds=lane.starts[lane.peak])


def describe_spread(strip: Strip) -> str:
    """Return the steps and words that are spread evenly, in sentences that follow others, or an empty string if
    there are none.
    """
    sentences = []
    spread = [escape_markdown(lane.modality) for lane in strip.lanes if lane.spread]
    if spread:
        as_words = AS_WORDS if any(lane.by_words for lane in strip.lanes) else ""
        sentences.append(SPREAD_STEPS.format(modalities=listed(spread), as_words=as_words))
    if strip.words and strip.spread:
        sentences.append(SPREAD_WORDS)
    if strip.preview.seconds >= files.MAX_SECONDS:
        sentences.append(SHORTENED.format(seconds=files.MAX_SECONDS))
    return "".join(sentences)
