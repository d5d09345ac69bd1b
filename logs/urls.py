from __future__ import annotations

from django.urls import path

from logs.explorer import figure_views, views
from logs.ingest import routes
from logs.ingest_rules.views import ingest_rules

app_name = "logs"
urlpatterns = [
    *routes.urlpatterns,
    path("services/<uuid:service_id>/ingest-rules", ingest_rules, name="ingest_rules"),
    path("logs", views.explorer, name="explorer"),
    path("logs/live", views.live, name="live"),
    path("logs/figures", figure_views.figures, name="figures"),
    path("logs/fields", figure_views.fields, name="fields"),
    path("logs/export", views.export, name="export"),
    path("logs/preferences", views.keep_preferences, name="keep_preferences"),
    path("logs/views", views.save_view, name="save_view"),
    path("logs/views/all", views.saved_views, name="saved_views"),
    path("logs/views/<int:view_id>/delete", views.delete_view, name="delete_view"),
    path("logs/<str:address>", views.entry, name="entry"),
    path("logs/<str:address>/raw", views.raw, name="raw"),
]
