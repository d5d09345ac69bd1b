"""PulseOps: logs, deployments, alerts and incidents for a small team."""

from __future__ import annotations

__version__ = "0.1.0"  # as pyproject.toml says
