"""A plugin as others write it: a data set, a model, a view on Samples, a page and a command."""

from qfusion.plugin import Command, Page, Plugin

PLUGIN = Plugin(
    "acme",
    sources=("acme.parts:SOURCE",),
    models={"scales": "acme.parts:Scales"},
    views={"samples": ("acme.parts:terms",)},
    pages=(Page("Acme scales", "What does it weigh?", "acme.parts:draw_page", "Build"),),
    commands={"weigh": Command("acme.parts:weigh", ["weigh qj-planted"])},
)
