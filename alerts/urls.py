from __future__ import annotations

from django.urls import path

from alerts import views

app_name = "alerts"
_RULE = "alerts/<int:rule_id>"
urlpatterns = [
    path("alerts", views.rule_list, name="list"),
    path("alerts/new", views.rule_create, name="create"),
    path("alerts/try", views.rule_try, name="try"),
    path(_RULE, views.rule_detail, name="detail"),
    path(f"{_RULE}/edit", views.rule_edit, name="edit"),
    path(f"{_RULE}/switch", views.rule_switch, name="switch"),
    path(f"{_RULE}/mute", views.rule_mute, name="mute"),
    path(f"{_RULE}/delete", views.rule_delete, name="delete"),
]
