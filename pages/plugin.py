"""A page of a plugin that has no file of its own, chosen by the parameter `name` of the address."""

import streamlit as st

from qfusion.app import frame, navigation, page_runs, panels
from qfusion.views.pages import catalogue


def page() -> None:
    """Say which pages there are, where the address names none of them."""
    titles = [title for title, file in navigation.FILES.items() if file == catalogue.PLUGIN_FILE]
    listed = f" Choose one of {', '.join(titles)}." if titles else ""
    st.error(f"No plugin has a page of this name.{listed}", icon=":material/error:")


def views() -> None:
    """Draw the views of the page that the address names."""
    context = frame.begin_model_page(st.query_params[catalogue.PLUGIN_PAGE])
    panels.draw_lower_panels(**context.scopes())


page_runs.run_page(__file__, __name__)
