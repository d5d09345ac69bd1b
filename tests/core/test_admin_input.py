"""Values that no row can have, in the Django admin's lists: each is a bad request."""

from __future__ import annotations

import pytest

from accounts.models import User
from tests.support.sign_in import signed_in


@pytest.mark.django_db
def test_what_cannot_be_is_a_bad_request() -> None:
    client = signed_in(User.objects.create_superuser("root@example.com", "a long enough password"))
    assert client.get("/admin/accounts/membership/?role__exact=%00").status_code == 400
    chosen = {"action": "delete_selected", "_selected_action": "csv"}
    assert client.post("/admin/accounts/invitation/", chosen).status_code in {302, 400}
