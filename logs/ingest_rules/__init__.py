"""What a service lets happen to its logs before they are stored: secrets scrubbed, some of a kind dropped or sampled.

rules.py is what is stored of it, compiled.py what runs for every batch; scrub.py and keep.py do the work.
The patterns that everybody has are in builtin.py.
"""
