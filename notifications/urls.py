from __future__ import annotations

from django.urls import path

from notifications import mail_views, routing_views, views

app_name = "notifications"
_SETTINGS = "settings/notifications"
_CHANNEL = f"{_SETTINGS}/<uuid:channel_id>"
_MESSAGE = f"{_SETTINGS}/messages/<uuid:job_id>"
urlpatterns = [
    path(_SETTINGS, views.channel_list, name="channels"),
    path(f"{_SETTINGS}/new", views.channel_create, name="create"),
    path("mail/confirm/<str:token>", mail_views.confirm, name="confirm"),
    path("mail/leave/<str:token>", mail_views.leave, name="leave"),
    path(_CHANNEL, views.channel_edit, name="edit"),
    path(f"{_CHANNEL}/test", views.channel_test, name="test"),
    path(f"{_CHANNEL}/switch", views.channel_switch, name="switch"),
    path(f"{_CHANNEL}/routing", routing_views.channel_routing, name="routing"),
    path(f"{_CHANNEL}/routing/preview", routing_views.routing_preview, name="routing_preview"),
    path(f"{_CHANNEL}/deliveries/<uuid:message_id>/replay", views.message_replay, name="replay"),
    path(f"{_CHANNEL}/secret", views.channel_secret, name="secret"),
    path(f"{_CHANNEL}/delete", views.channel_delete, name="delete"),
    path(f"{_MESSAGE}/retry", views.job_retry, name="retry"),
    path(f"{_MESSAGE}/drop", views.job_drop, name="drop"),
]
