"""A page of a plugin that has no file of its own: `plugin?name=TITLE`."""

from qfusion.app import page_runs

page_runs.run_page(__file__)
