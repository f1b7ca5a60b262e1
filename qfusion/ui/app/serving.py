"""Starts the dashboard of this package, from a checkout or installed: what `qfusion app` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qfusion.errors import InvalidInput

# beside it stand the pages, and Streamlit's options in `.streamlit`
SCRIPT = Path(__file__).with_name("app.py").resolve()


def serve(options: Sequence[str]) -> None:
    """Serves the dashboard until the process is stopped.

    Args:
        options: of `streamlit run`, as on its command line; they count more than those of `.streamlit/config.toml`.

    Raises:
        InvalidInput: when Streamlit knows no such option, or not such a value of it.
    """
    from streamlit.web import cli

    try:
        cli.main(["run", str(SCRIPT), *options], prog_name="streamlit", standalone_mode=False)
    except cli.click.ClickException as error:
        raise InvalidInput(
            f"Streamlit does not take these options: {error.format_message()} `streamlit run --help` "
            "lists them."
        ) from error
