"""The list of findings of an import."""

from typing import Any

import streamlit as st

from qfusion.analysis import text

BADGES = {
    "error": ":red-badge[:material/error: error]",
    "warning": ":orange-badge[:material/warning: warning]",
    "note": ":gray-badge[note]",
}


def draw_findings(result: list[dict[str, Any]]) -> None:
    """Findings of a report as lines, worst first."""
    for entry in result:
        where = f"**{text.escape_markdown(entry['modality'])}**: " if entry["modality"] else ""
        st.markdown(f"{BADGES.get(entry['severity'], '')} {where}{text.message(entry['words'])}")
    if not result:
        st.markdown(":material/check: No problems were found.")
