"""The pages, one file each: the name of a file is the address of its page.

They are in the folder `pages` beside `app.py`, where Streamlit looks for them: at the top of a checkout, or in this
package once it is installed. The Overview, which Streamlit does not count as a page, is in `overview`.
"""

from qfusion.app import server

__path__ = [str(server.PAGES)]

server.wait()
