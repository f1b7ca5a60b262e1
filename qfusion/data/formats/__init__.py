"""Readers of file formats. Anybody may have made a file, so nothing in one is run, and no memory is taken on its
word."""
