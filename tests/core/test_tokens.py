"""Every pair of colours that the components put together, measured: WCAG 2.2 contrast, in both themes."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from django.conf import settings

SURFACES = ("bg", "surface", "raised", "sunken", "hover", "selected")
TONES = ("error", "warn", "ok", "info", "debug")
TEXT, SHAPE = 4.5, 3.0  # AA for small text, and for what tells a control's edge

PAIRS = [
    *((word, surface, TEXT) for surface in SURFACES for word in ("text", "text-muted", "text-faint", "accent-text")),
    *((f"{tone}-text", surface, TEXT) for surface in SURFACES for tone in TONES),
    *((f"{tone}-text", f"{tone}-soft", TEXT) for tone in (*TONES, "accent")),
    *(("text", f"{tone}-soft", TEXT) for tone in TONES),
    *(("on-fill", fill, TEXT) for fill in ("accent", "accent-hover", "error", "danger-hover")),
    ("text", "mark", TEXT),
    ("border-control", "surface", SHAPE),
    ("border-control", "bg", SHAPE),
    ("focus", "bg", SHAPE),
    ("focus", "surface", SHAPE),
    ("accent", "surface", SHAPE),
]


def colours(theme: int) -> dict[str, tuple[float, float, float]]:
    """Read tokens.css: each token as OKLCH (0 to 1, chroma, degrees) for theme 0, light, or 1, dark."""
    text = Path(settings.BASE_DIR, "static/css/tokens.css").read_text()
    found = re.findall(r"--([\w-]+): light-dark\(oklch\(([^)]+)\), oklch\(([^)]+)\)\)", text)
    read = {}
    for name, *themes in found:
        lightness, chroma, hue = themes[theme].split("/")[0].split()
        read[name] = (float(lightness.rstrip("%")) / 100, float(chroma), float(hue))
    return read


def luminance(oklch: tuple[float, float, float]) -> float:
    """Give relative luminance by the matrices of CSS Color 4; what sRGB cannot show is clipped."""
    lightness, chroma, hue = oklch
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
    red, green, blue = (min(max(part, 0), 1) for part in (red, green, blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_and_edges_can_be_seen(theme: int) -> None:
    known = colours(theme)
    low = []
    for front, back, needed in PAIRS:
        one, other = sorted((luminance(known[front]), luminance(known[back])))
        contrast = (other + 0.05) / (one + 0.05)
        if contrast < needed:
            low.append(f"{front} on {back}: {contrast:.2f} of {needed}")
    assert not low, low


def test_components_name_no_colour_of_their_own() -> None:
    css = Path(settings.BASE_DIR, "static/css")
    files = [*css.glob("components/*.css"), *css.glob("pages/*.css"), css / "base.css", css / "layout.css"]
    allowed = {"avatar.css", "fold.css"}  # hues by name; the white behind a QR code
    literal = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|oklab)\(", re.IGNORECASE)
    assert [file.name for file in files if file.name not in allowed and literal.search(file.read_text())] == []
