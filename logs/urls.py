from __future__ import annotations

from django.urls import path

from logs import views
from logs.ingest.views import ingest

app_name = "logs"
urlpatterns = [
    path("api/v1/logs/ingest", ingest, name="ingest"),
    path("logs", views.explorer, name="explorer"),
    path("logs/<str:address>", views.entry, name="entry"),
]
