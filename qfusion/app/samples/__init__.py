"""Samples on the pages: their contents, and the choice of one or of a cohort."""
