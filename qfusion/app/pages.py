"""The pages, one file each: the name of a file is the address of its page.

They are in the folder `pages` beside `app.py`, where Streamlit looks for them: at the top of a checkout, or in this
package once it is installed. The Overview, which Streamlit does not count as a page, is in `overview`.
"""

from pathlib import Path

from qfusion.app import server

FOLDER = next(
    folder / "pages"
    for folder in (Path(__file__).parent, Path(__file__).parents[2])
    if (folder / "pages").is_dir()
)
__path__ = [str(FOLDER)]

server.wait()
