"""Every picture of the gallery is what the command above it draws."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from captools.run import watched

DOCS = Path(__file__).resolve().parent.parent / "docs"
TEXT = (DOCS / "gallery.md").read_text(encoding="utf-8")
SIDE = 160  # pixels that pictures are compared in
MOST = 2.5  # difference of colours, of 255, that is not seen


def seen(path):
    """What is seen of a picture from afar: its size, and its colours in few pixels."""
    with Image.open(path) as picture:
        return picture.size, np.asarray(
            picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), float
        )


def test_the_pictures_of_the_gallery_are_made_by_their_commands(run, tmp_path, monkeypatch):
    def here(function, paths, *arguments, timeout, may_copy=True, **options):
        """Call a function in this process: what draws is loaded, and compiled, once."""
        return function(paths, *arguments, **options)

    monkeypatch.setattr(watched, "call", here)
    monkeypatch.chdir(tmp_path)
    for name in ("outline.geojson", "relief.tif"):
        shutil.copy(DOCS / name, tmp_path)
    drawn = {}
    for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE):
        for command in block.splitlines():
            result = run(*shlex.split(command)[1:])
            assert result.exit_code == 0, f"{command}\n{result.stderr}"
            drawn |= dict.fromkeys(re.findall(r"-o (\w+\.png)", command), command)
    assert re.findall(r"\]\(gallery/(.*?)\)", TEXT) == list(drawn)
    assert {path.name for path in DOCS.glob("gallery/*")} == {*drawn}
    for name, command in drawn.items():
        (size, kept), (now, new) = seen(DOCS / "gallery" / name), seen(name)
        assert now == size, command
        assert np.abs(new - kept).mean() < MOST, command
    others = [np.abs(seen(DOCS / "gallery" / name)[1] - new).mean() for name in [*drawn][:-1]]
    assert min(others) > 2 * MOST  # so that one picture in place of another is found


def test_the_pictures_are_small():
    sizes = [path.stat().st_size for path in DOCS.glob("gallery/*")]
    assert max(sizes) < 100_000
    assert sum(sizes) < 1_000_000
    assert (DOCS / "map.png").stat().st_size < 300_000
