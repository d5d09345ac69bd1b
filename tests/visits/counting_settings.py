"""The product's settings, and the middleware that counts in front of all others."""

from __future__ import annotations

from pulseops.settings import *  # noqa: F403
from pulseops.settings import MIDDLEWARE

MIDDLEWARE = ["tests.visits.counting.CountingMiddleware", *MIDDLEWARE]
