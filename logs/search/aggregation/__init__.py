"""Counts, sums, quantiles and different values of what a search finds, by field and by time.

Of rows PostgreSQL computes them (`of_rows`), of sealed logs numpy does by columns, or their summaries tell
(`of_blocks`); both give the same answer. `run.aggregate` is what callers ask.
"""
