"""A figure with its words, table, downloads and program."""
