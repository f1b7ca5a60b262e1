"""The pages, one file each; the name of the file is the address of the page. Parts that several pages share, and the
Overview, which Streamlit does not count as a page, are beside this folder."""

from qfusion.app import server

server.wait()
