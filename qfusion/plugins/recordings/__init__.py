"""Recordings of the samples of a set: a folder is joined to a set, or becomes one by features of voice, picture and
words. The commands `data media` and `data extract`, and the form on Data."""

from qfusion.plugin import Command, Plugin, Tab

PLUGIN = Plugin(
    "recordings",
    clips=("qfusion.plugins.recordings.clips:find_clip",),
    commands={
        "data media": Command(
            "qfusion.plugins.recordings.command:media",
            ["data media my-mosi Raw", "data media calls FOLDER --table clips.csv"],
        ),
        "data extract": Command(
            "qfusion.plugins.recordings.command:extract",
            [
                "data extract FOLDER --name mine",
                "data extract FOLDER --name mine --voice spectrum:rate=10,bands=24 --face none --words ngrams:size=64",
                "data extract FOLDER --name mine --face mediapipe:model=FILE --words transformers:folder=FOLDER",
            ],
        ),
    },
    extras={
        "pysubs2": ("Reading subtitles", "media"),
        "praatio": ("Reading a TextGrid", "media"),
    },
    feature_transforms=("qfusion.plugins.recordings.feature_transforms:feature_transforms",),
    tabs=(Tab("data", "Recordings", "qfusion.plugins.recordings.form:recordings"),),
)
