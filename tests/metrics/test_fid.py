"""`fid`: absent weights are told of before training, bytes are exact, the wiring to torch-fidelity works."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data.load import load
from bench.errors import UserError
from bench.metrics import fid, kid
from bench.metrics.batch import Batch, Context
from bench.metrics.cache import Cache
from bench.trial import Component


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANBENCH_INCEPTION", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def test_absent_weights_get_one_sentence() -> None:
    with pytest.raises(UserError) as error:
        fid.check(weights="")
    message = str(error.value)
    assert "\n" not in message
    for part in (fid.FILE, "hub/checkpoints", "$GANBENCH_INCEPTION", "weights", "fd"):
        assert part in message


def test_the_check_imports_no_torch() -> None:
    code = (
        "import sys; from bench.metrics import fid; from bench.errors import UserError\n"
        "try: fid.check(weights='/nowhere')\nexcept UserError: sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_where_weights_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [
        tmp_path / "torch" / "hub" / "checkpoints" / fid.FILE,
        tmp_path / "env.pth",
        tmp_path / "key.pth",
    ]
    content = b"weights"
    monkeypatch.setattr(fid, "SHA256_START", hashlib.sha256(content).hexdigest()[:8])
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    assert fid.check(weights="") == places[0]
    monkeypatch.setenv("GANBENCH_INCEPTION", str(places[1]))
    assert fid.check(weights="") == places[1]
    assert fid.check(weights=str(places[2])) == places[2]


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.pth").write_bytes(b"other")
    with pytest.raises(UserError, match="sha256 does not start with 6726825d"):
        fid.check(weights=str(tmp_path / "other.pth"))


def test_bytes_are_rounded_and_grey_is_repeated() -> None:
    images = np.array([-1.0, 1.0, 0.0, -1.0 + 2 * 100 / 255], np.float32).reshape(1, 1, 2, 2)
    levels = fid.to_bytes(images)
    assert levels.shape == (1, 3, 2, 2)
    assert levels[0, 0].ravel().tolist() == [0, 255, 128, 100]
    assert np.array_equal(levels[:, 0], levels[:, 2])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_never_cast(bad: float) -> None:
    images = np.zeros((2, 3, 4, 4), np.float32)
    images[1, 0, 0, 0] = bad
    with pytest.raises(ValueError, match="not finite"):
        fid.to_bytes(images)


@pytest.fixture
def random_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of the right shape under the known name, such that pictures differ in their features."""
    import torch
    from torch_fidelity import feature_extractor_inceptionv3 as theirs

    with monkeypatch.context() as patch:
        patch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(theirs.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = theirs.FeatureExtractorInceptionV3("x", ["2048"])
    draws = torch.Generator().manual_seed(0)
    for name, weight in network.named_parameters():
        if name.endswith("conv.weight"):
            torch.nn.init.kaiming_normal_(weight, generator=draws)
    path = tmp_path / "random.pth"
    torch.save(network.state_dict(), path)
    monkeypatch.setattr(fid, "SHA256_START", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    return path


@pytest.mark.filterwarnings("ignore")
def test_inception_gives_torch_fidelitys_features(random_weights: Path) -> None:
    """The same features as torch-fidelity's own network, bit for bit."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    network = FeatureExtractorInceptionV3("x", ["2048"], feature_extractor_weights_path=str(random_weights))
    inception = fid.Inception(fid.check(weights=str(random_weights)))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 1, 28, 28)).astype(np.float32)
    features, logits = inception(images)
    with torch.inference_mode():
        expected = network(torch.from_numpy(fid.to_bytes(images)))[0].numpy()
    assert features.shape == (2, fid.DIMENSIONS)
    assert logits.shape == (2, 0)
    assert np.array_equal(features, expected)
    assert inception.sha256 == hashlib.sha256(random_weights.read_bytes()).hexdigest()


def test_bytes_survive_the_way_to_numbers_and_back() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    images = levels.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
    assert np.array_equal(fid.to_bytes(images)[:, :1], levels)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_equals_the_command_of_torch_fidelity(random_weights: Path, tmp_path: Path) -> None:
    """Two folders of PNG files and one file of weights: `fidelity --fid --kid` prints `fid` and `kid`.

    On float32 features it takes means, and all of the kernel distance, in float32: the last digits differ.
    """
    n, rng = 12, np.random.default_rng(1)
    real, fake = (rng.integers(0, high, (n, 3, 32, 32), dtype=np.uint8) for high in (256, 160))
    for name, levels in (("real", real), ("fake", fake)):
        (tmp_path / name).mkdir()
        for index, picture in enumerate(levels):
            Image.fromarray(picture.transpose(1, 2, 0)).save(tmp_path / name / f"{index:03d}.png")
    command = [
        str(Path(sys.executable).with_name("fidelity")),
        "--fid",
        "--kid",
        "--json",
        "--cpu",
        "--silent",
    ]
    command += ["--input1", str(tmp_path / "fake"), "--input2", str(tmp_path / "real"), "--no-cache"]
    command += ["--feature-extractor-weights-path", str(random_weights), "--batch-size", str(fid.BATCH)]
    command += ["--kid-subsets", "1", "--kid-subset-size", str(n)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    theirs = json.loads(done.stdout[done.stdout.index("{") :])

    images, samples = (levels.astype(np.float32) / 127.5 - 1.0 for levels in (real, fake))
    data = replace(load(Component("digits")), train=images, heldout=images)
    context, weights = Context(data, n, Cache(None)), str(random_weights)
    ours = fid.fid(context, weights=weights).score(Batch(samples))["fid"]
    assert ours == pytest.approx(theirs["frechet_inception_distance"], rel=1e-6)
    assert isinstance(ours, float)
    assert ours > 1e-3
    measure = kid.kid(context, subsets=0, subset_size=n, features="inception", weights=weights)
    kernel = measure.score(Batch(samples))["kid"]
    assert kernel == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-4)


def test_a_file_that_runs_code_is_refused(tmp_path: Path) -> None:
    import pickle

    import torch

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, ("raise SystemExit('ran')",))

    path = tmp_path / "evil.pth"
    torch.save({"x": Evil()}, path, pickle_module=pickle)
    with pytest.raises(UserError, match="cannot be read as a file of weights"):
        fid.Inception(path)
