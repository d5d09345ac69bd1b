"""Every page of a large organisation stays small: 61 services, 40 environments, 2,000 deployments, 568 incidents …"""

from __future__ import annotations

import gzip

import pytest
from django.utils import timezone

from accounts.models import Org, User
from tests.support.at_size import fill
from tests.support.sign_in import signed_in
from tests.visits.pages import pages

MOST_BYTES = 150 * 1024  # of HTML, before it is packed


@pytest.mark.django_db
def test_every_page_of_a_large_organisation_is_small_and_packed(org: Org, admin: User) -> None:
    rows = fill(org, admin, timezone.now())
    client = signed_in(admin)
    faults, count = [], 0
    for page in pages(rows):
        if (
            not page.is_shown
            or page.is_admin_site
            or page.answers("admin") != {200}
            or page.name in {"doctor", "metrics"}
        ):
            continue
        answer = client.get(page.address, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200, page.address
        assert answer["Content-Encoding"] == "gzip", page.address
        html = gzip.decompress(answer.content)
        count += 1
        if len(html) > MOST_BYTES:
            faults.append(f"{page.name}: {len(html):,} bytes, {len(answer.content):,} packed")
    assert count > 40
    assert not faults, "\n".join(faults)
