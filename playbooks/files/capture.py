"""Print the settings that a picture would be taken with."""

import pathlib

print((pathlib.Path(__file__).parent / "settings.toml").read_text())
