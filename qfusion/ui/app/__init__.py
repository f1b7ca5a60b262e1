"""What Streamlit runs: `app.py` and `pages`, one file a page, laid out as at the top of the repository, whose files
call these."""
