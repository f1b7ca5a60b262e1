"""From finished runs of benchmarks/replication.py to the page, the tables and the sentences."""
