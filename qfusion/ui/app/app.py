"""The dashboard, installed: what `qfusion app` starts."""

import streamlit as st

from qfusion.ui.frame import web

if __name__ == "__main__":  # as Streamlit runs it for a reader
    web.wait()
    from qfusion.ui.app import overview

    overview.page()
else:  # as the server begins
    from starlette.middleware import Middleware

    from qfusion.ui.app.guard import Guard

    web.check_settings()
    app = st.App(
        __file__, routes=web.routes(), lifespan=web.lifespan, middleware=[Middleware(Guard)]
    )
