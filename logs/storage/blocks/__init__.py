"""Sealed logs: some thousand logs of one environment in a block, column by column, compressed. See README.md."""
