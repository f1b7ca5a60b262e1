"""A model on the pages: its tweaks, its parts, and the ways to bring and export it."""
