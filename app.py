"""The dashboard, from a checkout: `streamlit run app.py`. Its pages are in `pages`."""

import streamlit as st

from qfusion.app import server

if __name__ == "__main__":  # as Streamlit runs it for a reader
    server.wait()
    from qfusion.app import overview

    overview.page()
else:  # as the server begins
    server.check_settings()
    app = st.App(
        __file__, routes=server.routes(), lifespan=server.lifespan, middleware=server.middleware()
    )
