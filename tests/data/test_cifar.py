"""CIFAR-10 without its files: fakes in torchvision's layout, a fake archive, neither of them."""

from __future__ import annotations

import hashlib
import io
import pickle
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.data import cifar
from bench.data.catalog import DataMissing
from bench.data.fingerprint import fingerprint
from bench.data.load import load
from bench.errors import UserError
from bench.trial import Component

CIFAR = Component("cifar10")
ROWS = 20


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without the files and without a network."""
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(urllib.request, "urlopen", serve(None))
    return tmp_path


def serve(content: bytes | None) -> Callable[..., io.BytesIO]:
    def answer(url: str, timeout: float) -> io.BytesIO:
        assert (url, timeout) == (cifar.URL, 20)
        if content is None:
            raise urllib.error.URLError("no network")
        return io.BytesIO(content)

    return answer


def batches() -> dict[str, bytes]:
    """The seven files with 20 pictures each: green and blue tell a picture's number, and that its class."""
    files = {}
    for place, name in enumerate(cifar.BATCHES[:-1]):
        numbers = np.arange(ROWS) + place * ROWS
        data = np.repeat(numbers[:, None], 3072, axis=1).astype(np.uint8)
        data[:, :1024] = 255  # the red channel comes first
        files[name] = pickle.dumps({"data": data, "labels": (numbers % 10).tolist()}, protocol=2)
    return {**files, "batches.meta": pickle.dumps({"label_names": list("abcdefghij")}, protocol=2)}


def publish(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    """Make torchvision take these files for the published ones."""
    from torchvision.datasets import CIFAR10

    known = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(CIFAR10, "train_list", [[name, known[name]] for name in cifar.BATCHES[:5]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", known["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": known["batches.meta"]})


def put(root: Path, files: dict[str, bytes]) -> None:
    folder = root / cifar.FOLDER
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("below", ["data", "data/cifar10", "cache/ganbench/cifar10"])
def test_files_are_found_and_read(below: str, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = batches()
    put(alone / below, files)
    publish(monkeypatch, files)
    data = load(CIFAR)
    assert (data.train.shape, data.heldout.shape) == ((100, 3, 32, 32), (20, 3, 32, 32))
    assert data.train.dtype == np.float32
    assert np.all(data.train[:, 0] == 1.0)
    numbers = np.rint((data.train[:, 1, 0, 0] + 1.0) * 127.5).astype(int)
    assert sorted(numbers) == list(range(100))
    assert data.train_labels is not None
    assert np.array_equal(data.train_labels, numbers % 10)
    # Every class once in each ten rows.
    assert np.array_equal(np.sort(data.train_labels.reshape(10, 10)), np.tile(np.arange(10), (10, 1)))
    assert data.n_modes is None


def test_other_files_are_refused_before_they_are_opened(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = batches()
    publish(monkeypatch, files)
    put(alone / "data", {**files, "data_batch_3": b"cos\nsystem\n(S'false'\ntR."})
    with pytest.raises(UserError, match="does not hold the published CIFAR-10 files"):
        load(CIFAR)


def test_fingerprint_is_that_of_the_bytes_and_loads_no_torch(alone: Path) -> None:
    put(alone / "data", batches())
    first = fingerprint(CIFAR)
    code = (
        "import sys; from bench.data.fingerprint import fingerprint; from bench.trial import Component;"
        f"assert fingerprint(Component('cifar10')) == '{first}';"
        "sys.exit('torch' in sys.modules or 'torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    (alone / "data" / cifar.FOLDER / "test_batch").write_bytes(b"other")
    assert fingerprint(CIFAR) != first


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_a_fetched_archive_is_checked_and_its_files_kept(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = batches()
    archive = packed({**{f"{cifar.FOLDER}/{n}": c for n, c in files.items()}, "../outside": b"x"})
    monkeypatch.setattr(urllib.request, "urlopen", serve(archive))
    with pytest.raises(DataMissing, match="came with a wrong sha256"):
        fingerprint(CIFAR)
    monkeypatch.setattr(cifar, "SHA256", hashlib.sha256(archive).hexdigest())
    fetched = fingerprint(CIFAR)
    kept = alone / "cache" / "ganbench" / "cifar10"
    assert {path.name for path in (kept / cifar.FOLDER).iterdir()} == set(files)
    assert [path.name for path in kept.iterdir()] == [cifar.FOLDER]
    monkeypatch.setattr(urllib.request, "urlopen", serve(None))
    assert fingerprint(CIFAR) == fetched


@pytest.mark.parametrize(
    "archive", [b"no archive", packed({"other": b""})], ids=["no archive", "another archive"]
)
def test_a_strange_archive_is_one_sentence(
    archive: bytes, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", serve(archive))
    monkeypatch.setattr(cifar, "SHA256", hashlib.sha256(archive).hexdigest())
    with pytest.raises(DataMissing, match="an archive that cannot be read"):
        fingerprint(CIFAR)


def test_without_files_or_network_one_sentence_says_what_to_do(alone: Path) -> None:
    message = r"cifar10 is not on this machine .*no network.* \$GANBENCH_DATA or "
    with pytest.raises(DataMissing, match=message):
        fingerprint(CIFAR)
