"""How static files are collected: hashed, compressed, stylesheets and scripts bundled; and when they need not be."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.core.management import call_command
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

BUNDLES = ("css/main.css", "js/main.js", "js/logs.js")
_STAMP = ".collected"  # in STATIC_ROOT: what it was filled from
_MANIFEST = "staticfiles.json"
_CSS_IMPORT = re.compile(r'@import url\("(?P<path>[^"]+)"\) layer\((?P<layer>\w+)\);')
_JS_IMPORT = re.compile(r'import "\./(?P<path>[^"]+)";')
_SCRIPT_COMMENT = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
_STYLE_COMMENT = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")
_INDENT = re.compile(r"^\s+", re.MULTILINE)

Paths = dict[str, tuple[Storage, str]]


class BundlingStorage(CompressedManifestStaticFilesStorage):
    """Put the files that a bundle imports into it, so that a page waits for one stylesheet and one script.

    While developing, the browser follows the imports; there is nothing to build.
    """

    def post_process(self, paths: Paths, dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Bundle, then hash and compress as usual; `paths` maps each name to its source."""
        for name in BUNDLES if not dry_run else ():
            if name in paths:
                bundle = _bundled(paths, name)
                self.delete(name)
                self.save(name, ContentFile(bundle.encode()))
                paths = {**paths, name: (self, name)}
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def compress_files(self, paths: Collection[str]) -> Iterator[tuple[str, str]]:
        """Compress files under the names that pages know, with a hash: ours by brotli too, the packages' by gzip alone.

        Brotli takes seconds for the Django admin's, which few people see, and everybody waits for on the first start.
        """
        named = {hashed: name for name, hashed in self.hashed_files.items() if hashed in paths}
        ours = {hashed for hashed, name in named.items() if (settings.BASE_DIR / "static" / name).is_file()}
        self.with_brotli = True
        yield from super().compress_files(ours)
        self.with_brotli = False
        yield from super().compress_files(named.keys() - ours)

    def create_compressor(self, **options: Any) -> Compressor:
        """Return what compresses, as `compress_files` has it."""
        return super().create_compressor(use_brotli=self.with_brotli, **options)


def collect_changed() -> bool:
    """Fill STATIC_ROOT unless it has been filled from the very files that there are now; returns whether it had to be.

    To compress all takes seconds, which anyone who starts the product again should not wait for. Raises OSError where
    STATIC_ROOT cannot be written.
    """
    root = Path(settings.STATIC_ROOT)
    stamp = root / _STAMP
    if stamp.is_file() and stamp.read_text() == _state(root):
        return False
    stamp.unlink(missing_ok=True)  # or one that is killed in the middle would seem to have been here
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(_state(root))
    return True


def _state(root: Path) -> str:
    """Return a hash of what is collected, by whom, and of what came of it last."""
    seen = sha256(f"{version('django')} {version('whitenoise')} {_changed_at(__file__)}".encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            source = storage.path(path)
            seen.update(f"{source} {_changed_at(source)}\n".encode())
    manifest = root / _MANIFEST
    seen.update(manifest.read_bytes() if manifest.is_file() else b"")
    return seen.hexdigest()


def _changed_at(path: str) -> str:
    status = Path(path).stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _bundled(paths: Paths, name: str) -> str:
    """Return the file `name` with its imports in place: a stylesheet in its layer, a module in a block of its own.

    Our modules export nothing and wait for nothing at their top level, so a block scopes them as a file does.
    """
    folder = name[: name.rindex("/") + 1]

    def layer(found: re.Match[str]) -> str:
        return f"@layer {found['layer']} {{\n{_source(paths, folder + found['path'])}}}"

    def block(found: re.Match[str]) -> str:
        return f"{{\n{_source(paths, folder + found['path'])}}}"

    pattern, inline = (_CSS_IMPORT, layer) if name.endswith(".css") else (_JS_IMPORT, block)
    return pattern.sub(inline, _source(paths, name))


def _source(paths: Paths, name: str) -> str:
    storage, path = paths[name]
    with storage.open(path) as file:
        return _without_comments(file.read().decode(), is_script=name.endswith(".js"))


def _without_comments(text: str, *, is_script: bool) -> str:
    """Leave out comments that fill lines (of stylesheets all), blank lines and indents: a sixth of what is sent.

    So no text of a script may go over several lines (tests/core/test_staticfiles.py).
    """
    text = (_SCRIPT_COMMENT if is_script else _STYLE_COMMENT).sub("", text)
    return _INDENT.sub("", text)
