"""An API key in each form that clients can be made to send it; and never in a log line."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest
from django.test import Client, RequestFactory

from pulseops.core.config.logging import JsonFormatter, TextFormatter
from pulseops.core.web.json_errors import ApiError
from pulseops.core.web.keys_in_urls import KEY_OF_URL, hide_key_of_url, mask_whole_keys
from services.presented_key import presented_key

KEY = "pol_" + "0123456789abcdef" * 4


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": KEY},
        {"x-api-key": f" {KEY}\r"},
        {"dd-api-key": KEY},
        {"x-amz-firehose-access-key": KEY},
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer   {KEY}"},
        {"authorization": f"Splunk {KEY}"},
        {"authorization": f"ApiKey {KEY}"},
        {"authorization": f"ApiKey {b64(f'any:{KEY}')}"},
        {"authorization": f"APIKEY {b64(KEY)}"},
        {"authorization": f"Basic {b64(f'any:{KEY}')}"},
        {"authorization": f"Basic {b64(f'{KEY}:')}"},
        {"authorization": f"Basic {b64(f'any:{KEY}').rstrip('=')}"},
        {"authorization": f'Bearer "{KEY}"'},
        {"authorization": KEY},
        {"authorization": "Basic " + b64("proxy:secret"), "x-api-key": KEY},
        {"authorization": f"Bearer {KEY}", "x-api-key": "a proxy's own"},
    ],
)
def test_forms(headers: dict[str, str]) -> None:
    assert presented_key(RequestFactory().post("/v1/logs", headers=headers).META) == KEY


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic %%%"}, {"authorization": "Basic " + b64("a:b")}])
def test_nothing_that_could_be_a_key(headers: dict[str, str]) -> None:
    with pytest.raises(ApiError, match="UNAUTHORIZED"):
        presented_key(RequestFactory().post("/v1/logs", headers=headers).META)


@pytest.mark.parametrize("path", [f"/v1/logs?a=1&token={KEY}&b=2", f"/gelf?api_key={KEY}", f"/v1/input/{KEY}"])
def test_a_key_of_the_address_is_taken_out_of_it(path: str) -> None:
    request = RequestFactory().post(path)
    request.META["RAW_URI"] = path
    hide_key_of_url(request)
    assert presented_key(request.META) == KEY
    del request.META[KEY_OF_URL]
    assert KEY not in f"{request.META} {request.path} {request.path_info} {request.get_full_path()} {request.GET}"


def test_a_key_sent_to_a_page_stays_out_of_the_access_log() -> None:
    request = RequestFactory().get(f"/logs?q={KEY}")
    request.META["RAW_URI"] = f"/logs?q={KEY}"
    mask_whole_keys(request)
    assert KEY not in request.META["RAW_URI"]
    assert request.GET["q"] == KEY


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_no_line_of_ours_holds_a_key(formatter: logging.Formatter) -> None:
    record = logging.makeLogRecord({"msg": "Not Found: %s", "args": (f"/x/{KEY}",), "headers": {"x-api-key": KEY}})
    assert KEY not in formatter.format(record)


@pytest.mark.django_db
def test_no_line_is_written_with_a_key_of_the_address(caplog: Any, capfd: Any) -> None:
    with caplog.at_level(0):
        assert Client().post(f"/v1/logs?api_key={KEY}", b"", "application/json").status_code == 403
        Client().post(f"/v1/nothing/{KEY}")
    output = capfd.readouterr()
    assert KEY not in caplog.text + output.out + output.err
