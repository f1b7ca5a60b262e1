"""Sweeps: the settings of a training searched by Optuna, by several processes or the workers of a Dask cluster.

They are the page Sweeps and the command `sweep`.
"""

from pathlib import Path

from qfusion.plugin import Command, Page, Plugin

PLUGIN = Plugin(
    "sweeps",
    commands={
        "sweep": Command(
            "qfusion.plugins.sweeps.command:sweep",
            [
                "sweep --name first --data planted --trials 20 --range rate=1e-4:1e-2:log "
                "--choice evolution=jump,unitary",
                "sweep --name first --jobs 4",
                "sweep --name first --storage postgresql://HOST/sweeps --cluster tcp://HOST:8786",
            ],
        )
    },
    pages=(
        Page(
            "Sweeps",
            "Which settings work best on the validation rows, and which of them matter?",
            "qfusion.plugins.sweeps.page:page",
            group="Build",
            icon=":material/tune:",
            file="pages/sweeps.py",
            has_model=False,
        ),
    ),
    panels={"sweeps": "qfusion.plugins.sweeps.panels"},
    assets=Path(__file__).parent / "assets",
)
