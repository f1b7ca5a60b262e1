"""Models that came as programs: read without running anything that is not an operator of arithmetic, and explored like
any other."""
