"""The texts of the story: what requests there are, the lines that each makes, and how often.

Words, ids and fields come in every frequency: some stand in a third of all lines, some in one of a million; the two
kinds of organisations share few. A line takes some 250 bytes as a sender writes it. Nothing has to be escaped for COPY.
"""

from __future__ import annotations

import random
from itertools import accumulate

ENVIRONMENTS = ("production", "staging")
SERVICES = {
    "shop": ("web", "api", "checkout", "mailer", "search", "worker", "auth", "billing"),
    "fleet": ("gateway", "telemetry", "firmware"),
}
_NAMES = ("mira", "jonas", "aiko", "tariq", "ines", "pavel", "noor", "luca", "freya", "omar", "sana", "emil")
_FAMILIES = ("kowalski", "haddad", "tanaka", "weber", "okafor", "lindqvist", "moreau", "silva", "larsen", "petrov")
_WAREHOUSES = ("Lyon", "Rotterdam", "Porto", "Gdansk", "Leipzig", "Turin")
_QUERIES = ("kettle", "desk lamp", "usb-c cable", "größe L", "ブルーランプ", "garden hose", "oak shelf", "wool socks")
_MODULES = ("cart", "pricing", "stock", "voucher", "address", "shipping", "loyalty", "returns")
_SYLLABLES = [f"{a}{b}{c}" for a in "BDKTR" for b in "AEIOU" for c in "XLM"][:61]
_LOCALES = ("de", "en", "fr", "pt")

Line = tuple[str, str, str, str]  # service, level, message, JSON; the last two with %(value)s of `draw`


def draw(chance: random.Random) -> dict[str, object]:
    """Draw the values of a request; times are milliseconds: mostly under 200, one of fifty over 1,000."""
    bits = chance.getrandbits(128)
    few, many = bits & 0xFFFF, bits >> 16 & 0xFFFFFFFF
    return {
        "trace": f"{bits:032x}",
        "request": f"req-{bits >> 88:010x}",
        "took": 1_000 + many % 8_000 if few % 50 == 0 else 3 + many % 197,
        "product": many % 9_000,
        "user": many % 40_000,
        "order": 1_000_000 + many % 9_000_000,
        "amount": (500 + many % 40_000) / 100,
        "job": f"{many:08x}",
        "session": f"{many >> 8:06x}",
        "name": f"{_NAMES[few % 12]}.{_FAMILIES[few // 12 % 10]}{many % 2_000}",
        "sku": f"{_SYLLABLES[many % 61]}{_SYLLABLES[many // 61 % 61]}{10 + few % 90}",
        "warehouse": _WAREHOUSES[few % 6],
        "query": _QUERIES[few % 8],
        "module": _MODULES[few % 8],
        "locale": _LOCALES[few % 4],
        "sensor": f"s-{many % 4_000:04d}",
        "version": f"4.{few % 8}.{few // 8 % 16}",
        "hits": few % 128,
        "few": few % 8,
        "percent": few % 80 + 20,
        "bytes": 2_000 + many % 31_000,
        "number": few % 900 + 60,
    }


_PRODUCT_PAGE: Line = (
    "web", "info", "GET /products/%(product)d 200 in %(took)d ms, %(bytes)d bytes to 10.2.%(few)d.%(percent)d",
    ('{"http": {"method": "GET", "path": "/products/%(product)d", "status": 200}, "took_ms": %(took)d, '
    '"host": "web-%(few)d"}'),
)  # fmt: skip
_PRODUCT: Line = (
    "api", "info", "GET /api/products/%(product)d 200 in %(took)d ms for user %(user)d",
    ('{"http": {"method": "GET", "path": "/api/products/%(product)d", "status": 200}, "took_ms": %(took)d, '
    '"user": {"id": %(user)d}}'),
)  # fmt: skip
_NO_PRODUCT: Line = (
    "api", "warn", "GET /api/products/%(product)d 404 in %(took)d ms: there is no such product any more",
    ('{"http": {"method": "GET", "path": "/api/products/%(product)d", "status": 404}, "took_ms": %(took)d, '
    '"user": {"id": %(user)d}}'),
)  # fmt: skip
_MISS: Line = (
    "api", "debug", "cache miss for product:%(product)d, asked the database, kept for 300 s",
    '{"cache": "redis", "ttl_s": 300, "key": "product:%(product)d", "node": "cache-%(few)d"}',
)  # fmt: skip
_RESULTS: Line = (
    "web", "info", "GET /search 200 in %(took)d ms, page %(few)d of results",
    '{"http": {"method": "GET", "path": "/search", "status": 200}, "took_ms": %(took)d, "host": "web-%(few)d"}',
)  # fmt: skip
_SEARCHED: Line = (
    "search", "info", "search for '%(query)s' gave %(hits)d hits in %(took)d ms from shard %(few)d",
    ('{"query": "%(query)s", "hits": %(hits)d, "took_ms": %(took)d, "index": "products-v%(few)d", '
    '"user": {"id": %(user)d}}'),
)  # fmt: skip
_SLOW: Line = (
    "search", "warn", "slow query, search for '%(query)s' gave %(hits)d hits in %(bytes)d ms from shard %(few)d",
    ('{"query": "%(query)s", "hits": %(hits)d, "took_ms": %(bytes)d, "index": "products-v%(few)d", '
    '"user": {"id": %(user)d}}'),
)  # fmt: skip
_ORDERED: Line = (
    "checkout", "info", "order %(order)d created, %(amount).2f EUR, %(few)d items in the cart of user %(user)d",
    '{"order_id": %(order)d, "amount": %(amount).2f, "currency": "EUR", "user": {"id": %(user)d}}',
)  # fmt: skip
_WITH_COUPON: Line = (
    "checkout", "info", "order %(order)d created, %(amount).2f EUR, %(few)d items and a coupon of user %(user)d",
    '{"order_id": %(order)d, "amount": %(amount).2f, "currency": "EUR", "coupon": "SPRING%(number)d"}',
)  # fmt: skip
_PAID: Line = (
    "checkout", "info", "payment captured for order %(order)d by stripe in %(took)d ms",
    '{"order_id": %(order)d, "amount": %(amount).2f, "currency": "EUR", "provider": "stripe", "took_ms": %(took)d}',
)  # fmt: skip
_RECEIPT: Line = (
    "mailer", "info", "receipt sent for order %(order)d, template receipt-%(few)d, queued %(took)d ms",
    '{"order_id": %(order)d, "template": "receipt-%(few)d", "locale": "%(locale)s", "queue": "mail"}',
)  # fmt: skip
_UNPAID: Line = (
    "checkout", "error", "payment provider timeout after %(bytes)d ms (order %(order)d), giving up",
    ('{"order_id": %(order)d, "provider": "stripe", "waited_ms": %(bytes)d, '
    '"error": {"type": "ProviderTimeout", "retryable": true}}'),
)  # fmt: skip
_BAD_GATEWAY: Line = (
    "api", "error", "POST /api/orders 502 in %(bytes)d ms: upstream checkout failed",
    ('{"http": {"method": "POST", "path": "/api/orders", "status": 502}, "took_ms": %(bytes)d, '
    '"user": {"id": %(user)d}}'),
)  # fmt: skip
_SIGNED_IN: Line = (
    "auth", "info", "%(name)s@example.com signed in by password from 10.9.%(few)d.%(percent)d, session %(session)s",
    '{"method": "password", "user": {"name": "%(name)s", "mfa": false}, "session": "%(session)s", "expires_s": 604800}',
)  # fmt: skip
_REFUSED: Line = (
    "auth", "warn", "failed sign-in of %(name)s@example.com: wrong password, attempt %(few)d",
    '{"attempt": %(few)d, "user": {"name": "%(name)s"}, "ip": "10.9.%(few)d.%(percent)d"}',
)  # fmt: skip
_BEGUN: Line = (
    "worker", "debug", "job %(job)s started: recalculate %(module)s totals, try 1 of 5",
    '{"job": "%(job)s", "module": "%(module)s", "queue": "default", "try": 1}',
)  # fmt: skip
_DONE: Line = (
    "worker", "info", "job %(job)s finished: recalculate %(module)s totals, %(number)d rows in %(took)d ms",
    '{"job": "%(job)s", "module": "%(module)s", "queue": "default", "took_ms": %(took)d, "rows": %(number)d}',
)  # fmt: skip
_NEGATIVE: Line = (
    "worker", "error", "stock of sku %(sku)s is negative in warehouse %(warehouse)s: counted again by job %(job)s",
    '{"sku": "%(sku)s", "warehouse": "%(warehouse)s", "count": -%(few)d, "job": "%(job)s"}',
)  # fmt: skip
_INVOICED: Line = (
    "billing", "info", "invoice INV-%(order)d issued over %(amount).2f EUR, due in 14 days, sent as PDF",
    '{"invoice": "INV-%(order)d", "amount": %(amount).2f, "currency": "EUR", "due_days": 14}',
)  # fmt: skip
_NO_FUNDS: Line = (
    "billing", "error", "invoice INV-%(order)d refused by the bank: insufficient funds, %(amount).2f EUR",
    '{"invoice": "INV-%(order)d", "amount": %(amount).2f, "bank": {"code": "R%(percent)d", "retry": false}}',
)  # fmt: skip
_CORRUPT: Line = (
    "worker", "error", "catalogue import quarantined file %(job)s: malformed row %(bytes)d of supplier %(number)d",
    '{"file": "%(job)s", "row": %(bytes)d, "supplier": %(number)d, "quarantine": true}',
)  # fmt: skip
_READING: Line = (
    "telemetry", "info", "reading %(amount).1f from sensor %(sensor)s, battery %(percent)d %%, signal -%(hits)d dBm",
    '{"sensor": "%(sensor)s", "value": %(amount).1f, "battery": %(percent)d, "signal_dbm": -%(hits)d}',
)  # fmt: skip
_SILENT: Line = (
    "gateway", "warn", "sensor %(sensor)s was silent for %(number)d seconds, link restored by gateway gw-%(few)d",
    '{"sensor": "%(sensor)s", "silent_s": %(number)d, "gateway": "gw-%(few)d"}',
)  # fmt: skip
_FLASHED: Line = (
    "firmware", "info", "sensor %(sensor)s runs firmware %(version)s since its last restart, %(bytes)d s ago",
    '{"sensor": "%(sensor)s", "version": "%(version)s", "uptime_s": %(bytes)d}',
)  # fmt: skip
_MISMATCH: Line = (
    "firmware", "error", "checksum mismatch flashing sensor %(sensor)s to %(version)s, rolled back at block %(hits)d",
    '{"sensor": "%(sensor)s", "version": "%(version)s", "step": "verify", "block": %(hits)d}',
)  # fmt: skip

# The lines of a request, and how many of 10,000 requests are such.
_SHOP = (
    (3_150, (_PRODUCT_PAGE, _PRODUCT)), (1_000, (_PRODUCT_PAGE, _PRODUCT, _MISS)), (50, (_PRODUCT_PAGE, _NO_PRODUCT)),
    (1_370, (_RESULTS, _SEARCHED)), (30, (_RESULTS, _SLOW)),
    (1_288, (_ORDERED, _PAID, _RECEIPT)), (12, (_WITH_COUPON, _PAID, _RECEIPT)),
    (100, (_ORDERED, _UNPAID, _BAD_GATEWAY)), (820, (_SIGNED_IN,)), (80, (_REFUSED,)),
    (1_599, (_BEGUN, _DONE)), (10, (_NEGATIVE,)), (0.05, (_CORRUPT,)),
    (480, (_INVOICED,)), (12, (_NO_FUNDS,)),
)  # fmt: skip
_FLEET = ((8_300, (_READING,)), (200, (_READING, _SILENT)), (1_450, (_FLASHED,)), (50, (_MISMATCH,)))
REQUESTS = {
    kind: ([*accumulate(share for share, _ in table)], [lines for _, lines in table])
    for kind, table in {"shop": _SHOP, "fleet": _FLEET}.items()
}
