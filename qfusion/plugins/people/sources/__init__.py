"""Data sets of people: ratings of clips, and features of the same clips."""
