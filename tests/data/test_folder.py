"""A user's own pictures: a fixed split, every bad file named at once, sizes and channels as asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data.catalog import DataMissing
from bench.data.fingerprint import fingerprint
from bench.data.load import load
from bench.errors import UserError
from bench.trial import Component


def component(path: Path, size: int = 28, channels: int = 3) -> Component:
    return Component("folder", (("path", str(path)), ("size", size), ("channels", channels)))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """20 plain pictures of different colours and sizes, some in a subfolder."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for i in range(20):
        place = folder / "more" if i % 3 == 0 else folder
        Image.new("RGB", (40 + i, 30), (10 * i, 0, 255)).save(place / f"{i:02}.{'png' if i % 2 else 'bmp'}")
    (folder / "notes.txt").write_text("no picture, and not read")
    return folder


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (28, 3), (32, 1), (32, 3)])
def test_shapes_range_and_split(pictures: Path, size: int, channels: int) -> None:
    data = load(component(pictures, size, channels))
    assert data.train.shape == (12, channels, size, size)
    assert data.heldout.shape == (8, channels, size, size)
    assert data.train.dtype == np.float32
    assert -1.0 <= data.train.min() <= data.train.max() <= 1.0
    if channels == 3:
        # Blue is full and green is none in all of them.
        assert np.all(data.train[:, 2] == 1.0)
        assert np.all(data.train[:, 1] == -1.0)
    both = {each.tobytes() for each in data.train} & {each.tobytes() for each in data.heldout}
    assert not both


def test_split_is_by_name_and_fixed(pictures: Path) -> None:
    first = load(component(pictures))
    again = load(component(pictures))
    assert np.array_equal(first.train, again.train)
    assert first.sha256 == again.sha256


def test_fingerprint_sees_names_and_bytes(pictures: Path) -> None:
    before = fingerprint(component(pictures))
    Image.new("RGB", (40, 40), (1, 2, 3)).save(pictures / "01.png")
    changed = fingerprint(component(pictures))
    (pictures / "01.png").rename(pictures / "z.png")
    assert len({before, changed, fingerprint(component(pictures))}) == 3


def test_all_bad_files_are_named_at_once(pictures: Path) -> None:
    (pictures / "broken.png").write_bytes(b"no picture")
    (pictures / "cut.png").write_bytes((pictures / "01.png").read_bytes()[:60])
    Image.new("I;16", (40, 40), 40_000).save(pictures / "deep.png")
    with pytest.raises(UserError) as error:
        load(component(pictures))
    message = str(error.value)
    assert message.startswith("3 of 23 files")
    for name in ("'broken.png'", "'cut.png'", "'deep.png' (more than 8 bits a channel)"):
        assert name in message


def test_a_long_list_is_cut(pictures: Path) -> None:
    for i in range(30):
        (pictures / f"bad{i}.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=r"30 of 50 files .* and 10 more\."):
        load(component(pictures))


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"There is no folder .*folder:PATH"):
        fingerprint(component(tmp_path / "absent"))


def test_too_few_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="has 0 pictures"):
        load(component(tmp_path))


def test_transparency_palettes_and_turned_photos_are_read(pictures: Path) -> None:
    Image.new("RGBA", (40, 40), (0, 0, 255, 9)).save(pictures / "clear.png")
    Image.new("P", (40, 40), 3).save(pictures / "palette.gif")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 30), (0, 0, 255)).save(pictures / "turned.jpg", exif=exif)
    data = load(component(pictures))
    assert len(data.train) + len(data.heldout) == 23
