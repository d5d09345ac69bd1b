from __future__ import annotations

import hashlib
import re

from pytest_django.fixtures import Settings

from services.keys import hash_key, make_key


def test_a_key_is_pol_and_64_hex_digits() -> None:
    assert re.fullmatch(r"pol_[0-9a-f]{64}", make_key().plain)


def test_no_two_keys_are_alike() -> None:
    assert len({make_key().plain for _ in range(100)}) == 100


def test_a_fresh_key_carries_its_hash_and_last_four() -> None:
    key = make_key()
    assert key.key_hash == hash_key(key.plain)
    assert key.last_four == key.plain[-4:]


def test_the_hash_is_salted_sha_256_as_old_installations_made_it(settings: Settings) -> None:
    settings.API_KEY_SALT = "salt"
    assert hash_key("pol_00") == hashlib.sha256(b"pol_00salt").hexdigest()


def test_another_salt_gives_another_hash(settings: Settings) -> None:
    settings.API_KEY_SALT = "one"
    first = hash_key("pol_00")
    settings.API_KEY_SALT = "two"
    assert hash_key("pol_00") != first


def test_the_plain_key_is_not_in_the_repr() -> None:
    key = make_key()
    assert key.plain not in repr(key)


def test_any_text_has_a_hash() -> None:
    assert len(hash_key("\ud800 ключ \x00")) == 64
