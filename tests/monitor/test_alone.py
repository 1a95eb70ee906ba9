"""The monitor needs torch, numpy and pyarrow, and nothing else that is installed beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROBE = '''
import sys

BLOCKED = set(
    "ray pydantic pandas scipy torch_fidelity torchvision click yaml mlxtend seaborn matplotlib rich".split()
    + "safetensors PIL sklearn jinja2".split()
)

class Wall:
    """A finder that does not find what is blocked."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in BLOCKED else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Wall(finder) for finder in sys.meta_path]

import torch
from torch import nn
from bench.monitor import StabilityMonitor

torch.manual_seed(0)
pictures = torch.tanh(torch.randn(80, 1, 28, 28))
gen = nn.Sequential(nn.Linear(4, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
disc = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
cases = {
    "digits": dict(real=pictures, data="digits", loss="hinge"),
    "none": dict(real=pictures, loss=None),
    "points": dict(real=torch.randn(100, 784), loss="minimax", centres=torch.zeros(2, 784), sigma=1.0),
}
for name, given in cases.items():
    shape = given["real"].shape[1:]
    monitor = StabilityMonitor(every=1, samples=20, **given)
    opt = torch.optim.Adam([*gen.parameters(), *disc.parameters()])
    for step in range(7):
        nn.functional.softplus(-disc(gen(torch.randn(8, 4)))).mean().backward()
        opt.step()
        monitor.update(step, gen=gen, disc=disc, samples=lambda n: gen(torch.randn(n, 4)).view(n, *shape))
    assert monitor.outcome().reason, name
    monitor.save(f"{sys.argv[1]}/{name}.parquet")
    monitor.close()
print(sorted({name for name, module in sys.modules.items() if module and name.partition(".")[0] in BLOCKED}))
'''


def test_torch_numpy_and_pyarrow_are_enough(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", PROBE, str(tmp_path)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert {each.name for each in tmp_path.iterdir()} == {"digits.parquet", "none.parquet", "points.parquet"}
