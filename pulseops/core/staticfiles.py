"""How static files are collected: hashed, compressed, and the stylesheet as one file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

STYLESHEET = "css/main.css"
_IMPORT = re.compile(r'@import url\("(?P<path>[^"]+)"\) layer\((?P<layer>\w+)\);')

Paths = dict[str, tuple[Storage, str]]


class BundlingStorage(CompressedManifestStaticFilesStorage):
    """Put the files that main.css imports into it, so that a page waits for one stylesheet instead of thirty.

    While developing, the browser follows the imports; there is nothing to build.
    """

    def post_process(self, paths: Paths, dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Bundle, then hash and compress as usual; `paths` maps each name to its source."""
        if STYLESHEET in paths and not dry_run:
            bundle = _bundled(paths)
            self.delete(STYLESHEET)
            self.save(STYLESHEET, ContentFile(bundle.encode()))
            paths = {**paths, STYLESHEET: (self, STYLESHEET)}
        yield from super().post_process(paths, dry_run=dry_run, **options)


def _bundled(paths: Paths) -> str:
    def inline(found: re.Match[str]) -> str:
        return f"@layer {found['layer']} {{\n{_source(paths, 'css/' + found['path'])}}}"

    return _IMPORT.sub(inline, _source(paths, STYLESHEET))


def _source(paths: Paths, name: str) -> str:
    storage, path = paths[name]
    with storage.open(path) as file:
        return file.read().decode()
