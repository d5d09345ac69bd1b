"""Migrations that render the models an operation changes, and not all that are related to them.

Django builds the classes of a project's models anew after each operation, those of all related models with them: here
that is nearly all, since each row belongs to an organisation. It was three quarters of the time of `migrate` on an
empty database. The schema editor asks for the changed model, and where a relation or a key changed for those that it
refers to and that refer to it; to a model that is created none refers yet. Code that runs in a migration (RunPython)
gets all of them fresh: Django drops what was rendered before such an operation, when the state says that rendering was
put off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.state import ProjectState


@contextmanager
def near_rendering() -> Iterator[None]:
    """Let operations render the models that they change, and no distant ones, until the context ends."""
    states: Any = ProjectState
    related = states._find_reload_model  # tests/core/test_migration_states.py fails when Django has it no more

    def near(state: ProjectState, app_label: str, model_name: str, delay: bool = False) -> set[tuple[str, str]]:
        state.is_delayed = True
        itself = {(app_label, model_name)}
        is_new = model_name not in state.apps.all_models[app_label]
        return itself if delay or is_new else itself | related(state, app_label, model_name, delay=True)

    states._find_reload_model = near
    try:
        yield
    finally:
        states._find_reload_model = related
