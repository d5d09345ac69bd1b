"""PulseOps: logs, deployments, alerts and incidents for a small team."""

from __future__ import annotations

__version__ = "1.0.0"  # as pyproject.toml says
