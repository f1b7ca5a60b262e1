"""The dashboard of an installed package, started by `qfusion app`. Its pages are in `pages`, as Streamlit requires."""

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
