"""The pages, one file each, with all that only this page shows; the address of a page is the name of its file. What
several pages show stands beside this folder, and so does the Overview, which Streamlit does not count among them."""

from qfusion.ui import server

server.wait()
