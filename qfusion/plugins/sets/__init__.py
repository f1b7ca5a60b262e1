"""Public data sets beside those of the core, and the models that were trained on them."""

from pathlib import Path

from qfusion.plugin import Plugin

_HERE = "qfusion.plugins.sets"

PLUGIN = Plugin(
    "sets",
    sources=(
        f"{_HERE}.avdigits:SOURCE",
        f"{_HERE}.easyvqa:EASYVQA",
        f"{_HERE}.easyvqa:YES_NO",
        f"{_HERE}.avletters:AVLETTERS",
        f"{_HERE}.avletters:NOISY",
        f"{_HERE}.seen_and_heard:PARITY_SOURCE",
        f"{_HERE}.seen_and_heard:PARITY3_SOURCE",
        f"{_HERE}.seen_and_heard:AGREE_SOURCE",
        f"{_HERE}.handwritten:SOURCE",
        f"{_HERE}.houston:SOURCE",
    ),
    assets=Path(__file__).parent / "assets",
)
