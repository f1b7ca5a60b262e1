"""A set from a folder of recordings and a table of labels: features of voice, picture and words, and the command
`data extract`."""

from qfusion.plugin import Command, Plugin

PLUGIN = Plugin(
    "recordings",
    commands={
        "data extract": Command(
            "qfusion.plugins.recordings.command:extract",
            [
                "data extract FOLDER --name mine",
                "data extract FOLDER --name mine --voice spectrum:rate=10,bands=24 --face none --words ngrams:size=64",
                "data extract FOLDER --name mine --face mediapipe:model=FILE --words transformers:folder=FOLDER",
            ],
        )
    },
    makers=("qfusion.plugins.recordings.makers:makers",),
)
