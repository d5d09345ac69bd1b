from __future__ import annotations

from django.urls import path

from services.views import environments, keys, services

app_name = "services"
_SERVICE = "services/<uuid:service_id>"
_ENVIRONMENT = f"{_SERVICE}/environments/<uuid:environment_id>"
_KEY = f"{_SERVICE}/keys/<uuid:key_id>"

urlpatterns = [
    path("services", services.service_list, name="list"),
    path("services/new", services.service_create, name="create"),
    path(_SERVICE, services.service_detail, name="detail"),
    path(f"{_SERVICE}/edit", services.service_edit, name="edit"),
    path(f"{_SERVICE}/delete", services.service_delete, name="delete"),
    path(f"{_SERVICE}/environments/new", environments.environment_add, name="environment_add"),
    path(f"{_ENVIRONMENT}/rename", environments.environment_rename, name="environment_rename"),
    path(f"{_ENVIRONMENT}/delete", environments.environment_delete, name="environment_delete"),
    path(f"{_SERVICE}/keys/new", keys.key_create, name="key_create"),
    path(f"{_KEY}/edit", keys.key_edit, name="key_edit"),
    path(f"{_KEY}/rotate", keys.key_rotate, name="key_rotate"),
    path(f"{_KEY}/revoke", keys.key_revoke, name="key_revoke"),
    path(f"{_KEY}/setup", keys.key_setup, name="key_setup"),
    path(f"{_KEY}/arrival", keys.key_arrival, name="key_arrival"),
]
