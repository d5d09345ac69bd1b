from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings

from pulseops.core.config.staticfiles import collect_changed

BUNDLING = {**settings.STORAGES, "staticfiles": {"BACKEND": "pulseops.core.config.staticfiles.BundlingStorage"}}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Static files as production has them, twice over as after an upgrade."""
    root = tmp_path_factory.mktemp("static")
    ours = ["django.contrib.staticfiles.finders.FileSystemFinder"]  # compressing Django's own takes ten seconds
    with override_settings(STATIC_ROOT=root, STORAGES=BUNDLING, STATICFILES_FINDERS=ours):
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
    return root


def test_every_file_that_a_template_names_is_there() -> None:
    """In production one that is not there is an error 500 of its page; in development nothing is seen."""
    base = Path(settings.BASE_DIR)
    named = {
        (str(template.relative_to(base)), name)
        for template in base.glob("templates/**/*.html")
        for name in re.findall(r"""\{% static ['"]([^'"]+)['"]""", template.read_text())
    }
    assert len(named) > 20
    assert [each for each in sorted(named) if not (base / "static" / each[1]).is_file()] == []


def test_the_stylesheet_is_one_file(collected: Path) -> None:
    (bundle,) = collected.glob("css/main.*.css")
    text = bundle.read_text()
    assert "@import" not in text
    assert text.count("\n@layer components {") == len(list(Path(settings.BASE_DIR, "static/css/components").iterdir()))
    assert text.index("@layer reset {") < text.index("@layer tokens {") < text.index("@layer utilities {")
    assert bundle.with_name(bundle.name + ".br").exists()


@pytest.mark.parametrize("name", ["main", "logs"])
def test_scripts_are_one_file(collected: Path, name: str) -> None:
    (bundle,) = collected.glob(f"js/{name}.*.js")
    imported = re.findall(r'import "\./([^"]+)";', Path(settings.BASE_DIR, f"static/js/{name}.js").read_text())
    assert len(imported) > 3
    text = bundle.read_text()
    assert not re.search(r"^import\b", text, re.MULTILINE)
    for each in imported:
        lines = map(str.strip, Path(settings.BASE_DIR, "static/js", each).read_text().splitlines())
        assert "\n".join(line for line in lines if line and not line.startswith("//")) in text


def test_bundles_have_no_comments_that_fill_a_line(collected: Path) -> None:
    for bundle in (*collected.glob("css/main.*.css"), *collected.glob("js/logs.*.js"), *collected.glob("js/main.*.js")):
        text = bundle.read_text()
        assert not re.search(r"^\s*//|^\s*$|^\s+", text.rstrip("\n"), re.MULTILINE)
        assert bundle.suffix == ".js" or "/*" not in text


def test_no_text_of_a_script_goes_over_several_lines() -> None:
    """A bundle leaves out indents and lines that begin as a comment, wherever they are."""
    for path in Path(settings.BASE_DIR, "static/js").glob("*.js"):
        assert [line for line in path.read_text().splitlines() if line.count("`") % 2] == [], path.name


def test_a_module_can_be_bundled() -> None:
    """A bundle puts each module in a block: there it can neither export, nor import, nor be awaited."""
    for path in Path(settings.BASE_DIR, "static/js").glob("*.js"):
        if path.stem not in {"main", "logs"}:
            assert not re.search(r"^(import|export|await)\b", path.read_text(), re.MULTILINE), path.name


def test_they_are_collected_again_only_if_something_changed(tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    source.mkdir()
    (source / "a.css").write_text("a { color: red }")
    ours = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    with override_settings(STATIC_ROOT=root, STORAGES=BUNDLING, STATICFILES_DIRS=[source], STATICFILES_FINDERS=ours):
        assert collect_changed()
        assert not collect_changed()
        (source / "a.css").write_text("a { color: blue; }")
        assert collect_changed()
        assert [path for path in root.glob("a.*.css") if "blue" in path.read_text()]
        (root / "staticfiles.json").unlink()
        assert collect_changed()
        assert (root / "staticfiles.json").exists()
        assert not collect_changed()


def test_every_component_has_its_import() -> None:
    css = Path(settings.BASE_DIR, "static/css")
    imported = set(re.findall(r"components/([\w-]+)\.css", (css / "main.css").read_text()))
    assert imported == {path.stem for path in (css / "components").iterdir()}


@pytest.mark.django_db
def test_pages_name_hashed_files_that_exist(collected: Path, client: Client) -> None:
    with override_settings(STATIC_ROOT=collected, STORAGES=BUNDLING):
        html = client.get("/").text
    named = set(re.findall(r'"/static/([^"#]+)', html))
    assert len(named) >= 7
    assert all((collected / name).is_file() for name in named)
    assert all(re.search(r"\.[0-9a-f]{12}\.\w+$", name) for name in named)


def test_every_icon_that_is_asked_for_is_drawn() -> None:
    base = Path(settings.BASE_DIR)
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (base / "static/icons.svg").read_text()))
    sources = [path.read_text() for path in (base / "templates").rglob("*.html")]
    asked = {name for text in sources for name in re.findall(r'(?:\{% icon |symbol=)"([\w-]+)"', text)}
    assert asked <= drawn
