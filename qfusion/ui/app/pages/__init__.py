"""The pages, one file each; the address of a page is the name of its file."""

from qfusion.ui import server

server.wait()
