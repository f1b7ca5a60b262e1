"""Decision operators: see the plugin `operators`."""

from qfusion.app import page_runs

page_runs.run_page(__file__, __name__)
