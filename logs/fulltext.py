"""The words of a message, as the index `logs_message_fts_idx` has them."""

from __future__ import annotations

import string

from django.contrib.postgres.search import SearchVector
from django.db.models import F, Func, Value

# PostgreSQL's parser would keep /api/users/123 as one word, so punctuation is a space to it.
_PUNCTUATION = string.punctuation
_SPACES = " " * len(_PUNCTUATION)


def words_of_message() -> SearchVector:
    """Return the index's expression for a model's Meta."""
    return SearchVector(Func(F("message"), Value(_PUNCTUATION), Value(_SPACES), function="translate"), config="simple")
