"""One file for each protocol that logs are sent by: it reads entries, answers and refuses in the protocol's own words.

What they share stands in logs.ingest: the pipeline (key, limits, rate, group commit, receipts), and the reading of
fields (`record`), times, levels and bodies. A new protocol is one file here, its routes in `logs.ingest.routes`, docs.
"""
