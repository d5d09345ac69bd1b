"""Migrations render the model that they change; code in a migration sees all of them as they are then."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState, ProjectState

from pulseops.core.db.migration_states import near_rendering

KEY = [("id", models.BigAutoField(primary_key=True))]


class Library(migrations.Migration):
    operations = [
        migrations.CreateModel("Shelf", KEY),
        migrations.CreateModel("Book", KEY),
        migrations.AddField("Book", "shelf", models.ForeignKey("library.Shelf", models.CASCADE)),
        migrations.AddField("Shelf", "room", models.TextField(default="")),
        migrations.RunPython(lambda apps, _: Library.put(apps)),
        migrations.AlterField("Shelf", "id", models.AutoField(primary_key=True)),
        migrations.RenameModel("Shelf", "Rack"),
        migrations.AddField("Book", "title", models.TextField(default="")),
        migrations.RunPython(lambda apps, _: Library.count(apps)),
    ]

    @staticmethod
    def put(apps: Any) -> None:
        shelf = apps.get_model("library", "Shelf").objects.create(room="left")
        shelf.book_set.create()

    @staticmethod
    def count(apps: Any) -> None:
        rack = apps.get_model("library", "Rack").objects.get(book__title="")
        assert (rack.room, rack.book_set.count()) == ("left", 1)


def rendered(monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[tuple[Any, ...]]]:
    """Apply the migration; returns how many classes were built, and the columns there are then."""
    built: list[str] = []
    real = ModelState.render
    with monkeypatch.context() as patch, connection.cursor() as cursor:
        patch.setattr(ModelState, "render", lambda self, apps: (built.append(self.name), real(self, apps))[1])
        executor, state = MigrationExecutor(connection), ProjectState()
        _ = state.apps
        executor.apply_migration(state, Library("0001", "library"))
        cursor.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_name LIKE 'library%' ORDER BY 1, 2"
        )
        columns = cursor.fetchall()
        executor.recorder.record_unapplied("library", "0001")
        cursor.execute("DROP TABLE library_book, library_rack")
    return len(built), columns


@pytest.mark.django_db(transaction=True)
def test_the_tables_are_the_same_with_fewer_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them, columns = rendered(monkeypatch)
    with near_rendering():
        few, same = rendered(monkeypatch)
    assert same == columns
    assert ("library_book", "shelf_id", "integer") in same
    assert few < all_of_them
