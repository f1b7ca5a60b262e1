"""The page cohorts."""
