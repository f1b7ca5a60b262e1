"""Readers of file formats. Anybody may have made a file: nothing in one is run, and no memory taken on its word."""
