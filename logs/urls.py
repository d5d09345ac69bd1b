from __future__ import annotations

from django.urls import path

from logs.explorer import views
from logs.ingest import routes

app_name = "logs"
urlpatterns = [
    *routes.urlpatterns,
    path("logs", views.explorer, name="explorer"),
    path("logs/live", views.live, name="live"),
    path("logs/export", views.export, name="export"),
    path("logs/views", views.save_view, name="save_view"),
    path("logs/views/<int:view_id>/delete", views.delete_view, name="delete_view"),
    path("logs/<str:address>", views.entry, name="entry"),
    path("logs/<str:address>/raw", views.raw, name="raw"),
]
