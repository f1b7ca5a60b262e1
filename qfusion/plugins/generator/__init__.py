"""The Lindblad generator of a model: its operators, and what it does beyond its gap: modes, non-normality, symmetries,
entropy production, and the nearest simpler generators. Two tabs of Dynamics and the command `generator`."""

from pathlib import Path

from qfusion.plugin import Command, Plugin, Tab

PLUGIN = Plugin(
    "generator",
    commands={
        "generator": Command(
            "qfusion.plugins.generator.command:generator",
            ["generator --model qj-planted", "generator --model qj-parity --sample ID --json"],
        )
    },
    panels={"dynamics": "qfusion.plugins.generator.panels"},
    tabs=(
        Tab("dynamics", "H and L", "qfusion.plugins.generator.tab:draw_operators"),
        Tab("dynamics", "Generator", "qfusion.plugins.generator.tab:draw_tab"),
    ),
    assets=Path(__file__).parent / "assets",
)
