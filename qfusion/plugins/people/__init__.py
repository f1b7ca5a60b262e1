"""People as models: ratings, crowds, labels of single modalities, and games that were measured."""

from pathlib import Path

from qfusion.plugin import Command, Plugin, Tab

PLUGIN = Plugin(
    "people",
    requires=("why",),
    commands={
        "people": Command(
            "qfusion.plugins.people.command:people",
            ["people --model crowd", "people --model crowd --beside qj-crowd"],
        ),
        "data import-game": Command(
            "qfusion.plugins.people.games.commands:import_game",
            [
                "data import-game values.csv --name ablation",
                "data import-game values.parquet --name ablation --quantity log-odds --replace",
                "data import-game FOLDER --name shapiq-game --players text,audio,vision",
            ],
        ),
        "data import-ratings": Command(
            "qfusion.plugins.people.ratings_command:import_ratings",
            [
                "data import-ratings ratings.csv --name crowd-a",
                "data import-ratings votes.csv --name crowd-b --classes anger,happy,sad --intended acted --group actor",
            ],
        ),
        "data export-game": Command(
            "qfusion.plugins.people.games.commands:export_game",
            ["data export-game values.csv --model qj-planted --split test"],
        ),
    },
    sources=(
        "qfusion.plugins.people.sources.crowd:SOURCE",
        "qfusion.plugins.people.sources.crowd_features:SOURCE",
        "qfusion.plugins.people.sources.cremad:SOURCE",
    ),
    panels={
        "samples": "qfusion.plugins.people.sample_panels",
        "compare": "qfusion.plugins.people.beside.panels",
        "faithfulness": "qfusion.plugins.people.tab_panels",
    },
    tabs=(
        Tab("compare", "People and model", "qfusion.plugins.people.beside.tab:people_and_model"),
        Tab(
            "faithfulness",
            "People",
            "qfusion.plugins.people.tab:people_tab",
            fits="qfusion.plugins.people.tab:has_people",
        ),
    ),
    assets=Path(__file__).parent / "assets",
)
