"""The address in messages is the one of the settings, however it is given."""

from pathlib import Path

from marketplace.core.settings import read_settings, site_address


def test_links_follow_the_settings_also_when_the_address_stands_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "public_url"
    file.write_text("https://care.test.example/\n", encoding="utf-8")
    for environ in ({}, {"PORT": "8123"}, {"PUBLIC_URL": "https://a.example/"}, {"PUBLIC_URL_FILE": str(file)}):
        whole = {"MARKETPLACE_DATA_DIR": str(tmp_path), **environ}
        assert site_address(whole) == read_settings(whole).public_url
