"""The zoo in anyone's script: plain modules, torch's own optimizers, no harness."""

from __future__ import annotations

import subprocess
import sys
import textwrap

SCRIPT = """
import sys
import torch
from ganzoo import losses
from ganzoo.networks.mlp import mlp

torch.manual_seed(0)
gan, loss = mlp((2,), width=8), losses.hinge()
opt_d = torch.optim.Adam(gan.disc.parameters(), 1e-3)
opt_g = torch.optim.Adam(gan.gen.parameters(), 1e-3)
for _ in range(3):
    real = torch.randn(16, 2, requires_grad=True)
    fake = gan.gen(torch.randn(16, gan.latent_dim))
    on_real, on_fake = gan.disc(real), gan.disc(fake.detach())
    d = loss.d_loss(on_real, on_fake, losses.HARD).mean()
    opt_d.zero_grad(); d.backward(); opt_d.step()
    g = loss.g_loss(None, gan.disc(fake)).mean()
    opt_g.zero_grad(); g.backward(); opt_g.step()
assert torch.isfinite(d) and torch.isfinite(g)
foreign = {"bench", "ray", "pandas", "click", "pydantic"} & set(sys.modules)
assert not foreign, foreign
print(float(d), float(g))
"""


def test_losses_and_networks_serve_a_plain_script() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
