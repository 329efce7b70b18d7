"""What the asset build makes, and that the sources keep the promises of the design."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from marketplace.web import pages
from marketplace.web.assets import build as assets

ROOT = Path(__file__).resolve().parents[2]
THEMES = (assets.SOURCES / "_themes.scss").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh build, without the network: the packages must already be installed."""
    out = tmp_path_factory.mktemp("assets") / "static"
    try:
        assert assets.build(out, install=False)
    except assets.BuildFailed as error:
        pytest.skip(f"assets cannot be built here: {error}")
    return out


def content(built: Path, name: str) -> bytes:
    return (built / pages.load_manifest(built)[name]).read_bytes()


def test_the_manifest_names_every_file_by_its_content(built: Path) -> None:
    manifest = pages.load_manifest(built)
    assert set(manifest) == {"app.css", "app.js", "early.js", "govuk-frontend.js", "htmx.js", "icon.svg", "visits.js"}
    for name, hashed in manifest.items():
        body = (built / hashed).read_bytes()
        assert hashed == assets.hashed_name(name, body)
        assert gzip.decompress((built / f"{hashed}.gz").read_bytes()) == body


def test_a_repeated_build_does_nothing(built: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in built.iterdir()}
    assert not assets.build(built, install=False)
    assert {path.name: path.stat().st_mtime_ns for path in built.iterdir()} == before


def test_a_damaged_or_outdated_build_is_made_again(built: Path) -> None:
    first = pages.load_manifest(built)
    (built / first["app.css"]).unlink()
    (built / "app-000000000000.css").write_text("from an older build")
    assert assets.build(built, install=False)
    assert pages.load_manifest(built) == first
    assert (built / first["app.css"]).exists()
    assert not (built / "app-000000000000.css").exists()


def test_nothing_that_is_reserved_for_gov_uk_is_served(built: Path) -> None:
    for path in built.glob("*"):
        if path.suffix in (".css", ".js", ".svg", ".json"):
            text = path.read_text(encoding="utf-8")
            for reserved in ("GDS Transport", "crest", "crown", "@font-face", "govuk-header", "govuk-footer"):
                assert reserved not in text, f"{reserved} in {path.name}"


def test_the_files_load_nothing_from_another_host(built: Path) -> None:
    css = content(built, "app.css").decode()
    assert not re.search(r"url\(|@import", css)
    for name in ("app.js", "govuk-frontend.js", "htmx.js", "early.js", "visits.js"):
        script = content(built, name).decode()
        assert not re.search(r"""["'(](?:https?:)?//[\w-]+\.\w""", script), name
        assert "sourceMappingURL" not in script


def test_the_script_imports_the_hashed_file(built: Path) -> None:
    name = pages.load_manifest(built)["govuk-frontend.js"]
    assert f"from './{name}'" in content(built, "app.js").decode()


def test_the_first_load_is_small(built: Path) -> None:
    manifest = pages.load_manifest(built)
    weight = sum((built / f"{hashed}.gz").stat().st_size for hashed in manifest.values())
    assert weight <= 60_000


def test_licences_travel_with_the_files(built: Path) -> None:
    text = (built / assets.LICENCES).read_text(encoding="utf-8")
    assert "MIT License" in text
    assert "Zero-Clause BSD" in text


def test_a_build_that_may_not_install_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "_packages_match", lambda packages: False)
    with pytest.raises(assets.BuildFailed, match=r"python -m marketplace\.web\.assets\.build"):
        assets.build(tmp_path / "static", install=False)


def test_no_node_at_all_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets.shutil, "which", lambda name: None)
    monkeypatch.setattr(assets, "node_of_wheel", lambda: None)
    with pytest.raises(assets.BuildFailed, match="extra `node`"):
        assets.find_node()


def test_an_old_node_is_passed_over_for_the_one_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = assets.Node(node=("ours",), npm=("ours", "npm"))
    monkeypatch.setattr(assets.shutil, "which", lambda name: name)
    monkeypatch.setattr(assets, "_run", lambda command: b"v16.20.2\n")
    monkeypatch.setattr(assets, "node_of_wheel", lambda: ours)
    assert assets.find_node() == ours


def test_the_lock_file_pins_exactly_and_names_no_address() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())
    versions = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    locked = {path: package for path, package in lock["packages"].items() if path}
    assert all("resolved" not in package and "integrity" in package for package in locked.values())
    assert {name: locked[f"node_modules/{name}"]["version"] for name in versions} == versions


# --- colours: WCAG 2.2, 1.4.3 (4.5 to 1 for text); our own bar for accents is 7 to 1


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def theme_colours() -> dict[str, dict[str, str]]:
    themes: dict[str, dict[str, str]] = {}
    for selector, body in re.findall(r'(:root|\[data-theme="\w+"\]) \{([^}]*--cm-accent:[^}]*)\}', THEMES):
        name = "teal" if selector == ":root" else selector.split('"')[1]
        themes[name] = dict(re.findall(r"--cm-([\w-]+): (#[0-9a-f]{6})", body))
    return themes


def test_every_theme_can_be_chosen_by_name() -> None:
    assert set(theme_colours()) == set(pages.THEMES)


@pytest.mark.parametrize("theme", pages.THEMES)
def test_the_colours_of_a_theme_have_enough_contrast(theme: str) -> None:
    colours = theme_colours()[theme]
    for text in ("accent", "accent-dark"):
        assert contrast(colours[text], "#ffffff") >= 7
        assert contrast(colours[text], colours["accent-tint"]) >= 7
    assert contrast("#465457", colours["accent-tint"]) >= 4.5, "quiet text on the tint"
    assert contrast(colours["accent-dark"], "#ffd23f") >= 4.5, "focused text"
    assert colours["accent"] != "#1d70b8", "GOV.UK's own blue"
