"""What Streamlit runs: `app.py` and `pages`, one file a page, laid out as at the top of the repository, whose files
call these.
"""

import streamlit as st

from qfusion.ui import server

# The dashboard, installed: what `qfusion app` starts.

if __name__ == "__main__":  # as Streamlit runs it for a reader
    server.wait()
    from qfusion.ui import overview

    overview.page()
else:  # as the server begins
    from starlette.middleware import Middleware

    from qfusion.ui.server import Guard

    server.check_settings()
    app = st.App(
        __file__, routes=server.routes(), lifespan=server.lifespan, middleware=[Middleware(Guard)]
    )
