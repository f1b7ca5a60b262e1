"""The examination of a set before it is used: what is found, what repairs it, and the report."""
