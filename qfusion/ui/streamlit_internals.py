"""Every use of Streamlit that is not part of its public interface.

Tested on Streamlit 1.67. Each function says what breaks without it. `tests/test_streamlit_internals.py` checks that no
other file imports Streamlit's internals.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

if TYPE_CHECKING:
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.runtime.media_file_manager import MediaFileMetadata
    from streamlit.runtime.state.session_state import WStates

_MINUTE = 60.0  # seconds
# Fields of a widget's message by the type that the widget declares. Browsers send whole numbers for any number.
_FIELDS = {
    field: fields
    for fields in (
        {"bool_value"},
        {"string_value"},
        {"string_array_value"},
        {"double_value", "int_value"},
        {"double_array_value", "int_array_value"},
    )
    for field in fields
}


def session_id() -> str:
    """Return the id of the reader's session; empty in a thread that runs no page.

    Without it, seats, uploads and jobs cannot be told apart by reader. Streamlit has no public id of a session.
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


def parse_message(content: bytes) -> BackMsg:
    """Return a browser's message to the server.

    Without it, the size and the numbers of a message cannot be checked before Streamlit reads it.
    """
    from streamlit.proto.BackMsg_pb2 import BackMsg

    return BackMsg.FromString(content)


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


def keep_downloads() -> None:
    """Keep each file that a reader has requested for at least a minute.

    Without it, Streamlit removes the file once any two pages have been drawn since: with sixteen readers, one download
    of twenty-five was gone before it was fetched.
    """
    from streamlit.runtime.media_file_manager import MediaFileMetadata

    mark = MediaFileMetadata.mark_for_delete

    def mark_after_a_minute(self: MediaFileMetadata) -> None:
        until = vars(self).setdefault("until", time.monotonic() + _MINUTE)
        if time.monotonic() > until:
            mark(self)

    MediaFileMetadata.mark_for_delete = mark_after_a_minute  # type: ignore[method-assign]


def refuse_other_types() -> None:
    """Make widgets refuse values of a type other than the declared one. The widget then has its default.

    Without it, such a value raises an exception somewhere in Streamlit. The reader sees nothing of it, and the log has
    pages.
    """
    from streamlit.runtime.state import session_state

    read = session_state.WStates.__getitem__

    def read_own_type(states: WStates, widget: str) -> Any:
        value = states.states.get(widget)
        metadata = states.widget_metadata.get(widget)
        if isinstance(value, session_state.Serialized) and metadata is not None:
            field = value.value.WhichOneof("value")
            if field is not None and field not in _FIELDS.get(metadata.value_type, {field}):
                states.states[widget] = session_state.Value(metadata.deserializer(None))
                logging.getLogger(__name__).warning(
                    "Refused a %s for widget %r, which takes a %s.",
                    field,
                    widget.split("-", 2)[-1][:80],
                    metadata.value_type,
                )
        return read(states, widget)

    session_state.WStates.__getitem__ = read_own_type  # type: ignore[method-assign]


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
