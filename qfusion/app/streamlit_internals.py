"""Every use of Streamlit that is not part of its public interface.

Tested on Streamlit 1.67. Each function says what breaks without it. `tests/test_streamlit_internals.py` checks that no
other file imports Streamlit's internals.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from streamlit.runtime.scriptrunner import get_script_run_ctx


def session_id() -> str:
    """Return the id of the reader's session; empty in a thread that runs no page.

    Without it, jobs cannot be told apart by reader. Streamlit has no public id of a session.
    """
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context is not None else ""


def has_dialog() -> bool:
    """Whether this run has opened a dialog.

    Without it, two clicks that arrive in one message open two dialogs, and Streamlit raises an exception.
    """
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.has_dialog_opened


def is_fragment_run() -> bool:
    """Whether this run draws fragments alone, so that `st.rerun(scope="fragment")` is allowed.

    Without it, a dialog that writes many figures would raise an exception in a run of the whole page.
    """
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and bool(context.fragment_ids_this_run)


def take_history_navigation() -> bool:
    """Whether the browser's Back or Forward began this run; True once a run.

    Without it, the page that Back leads to shows the model and the sample that were picked last, not those of its
    address.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not context.is_history_navigation:
        return False
    context.is_history_navigation = False
    return True


def has_readers() -> bool:
    """Whether a browser is connected.

    Without it, a server that `qfusion.show` has started would not know when nobody looks at it any more.
    """
    from streamlit.runtime import Runtime, RuntimeState

    return Runtime.instance().state == RuntimeState.ONE_OR_MORE_SESSIONS_CONNECTED


def is_host_allowed(host: str) -> bool:
    """Whether the option `server.allowedHosts` names the server so.

    Without it, Streamlit checks the name for websockets alone.
    """
    from streamlit.web.server.starlette import starlette_websocket

    return starlette_websocket.is_host_allowed(host)


def run_script(script: Path, options: Sequence[str]) -> None:
    """Serve a script until the process is stopped, as `streamlit run` does.

    Without it, `qfusion app` would have to start a second process.

    Args:
        script: the page that comes first.
        options: of the command line.
    """
    from streamlit.web import cli

    cli.main(["run", str(script), *options], prog_name="streamlit", standalone_mode=False)


def option_error() -> type[Exception]:
    """Return the exception that `run_script` raises for options that Streamlit does not have."""
    from streamlit.web import cli

    return cli.click.ClickException


def prepare_first_element() -> None:
    """Do what Streamlit does for the first element of a process: find out how it was started, which reads source files,
    and load the names of icons.

    Without it, the first reader of a server waits 0.2 s longer.
    """
    from streamlit import delta_generator, material_icon_names  # noqa: F401

    delta_generator._maybe_print_use_warning()


def silence_default_warning() -> None:
    """Silence Streamlit's warning that a value of the session comes before a widget's default, which is meant.

    Without it, the log has a trace that looks like a crash for every widget that a link sets.
    """
    logging.getLogger("streamlit.elements.lib.policies").disabled = True
