"""The panels of one clip on Samples: votes of people on it, or its labels of single modalities."""

from qfusion.plugins.people.crowd.panels import clip_votes, is_clip
from qfusion.plugins.people.labels.panels import is_labelled, sample_labels
from qfusion.views.pages import panel

PANELS = {
    "clip-votes": panel.Panel(clip_votes, fits=is_clip, below=True),
    "people": panel.Panel(sample_labels, fits=is_labelled, below=True),
}
