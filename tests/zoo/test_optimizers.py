"""Each stacked optimizer is torch.optim's, member by member."""

import pytest
import torch

from ganzoo import optimizers

CASES = [
    ("adam", {}, lambda p, lr, b: torch.optim.Adam([p], lr=lr, betas=b)),
    ("rmsprop", {}, lambda p, lr, b: torch.optim.RMSprop([p], lr=lr)),
    (
        "rmsprop",
        {"alpha": 0.9, "eps": 1e-4},
        lambda p, lr, b: torch.optim.RMSprop([p], lr=lr, alpha=0.9, eps=1e-4),
    ),
    ("sgd", {}, lambda p, lr, b: torch.optim.SGD([p], lr=lr)),
    ("sgd", {"momentum": 0.9}, lambda p, lr, b: torch.optim.SGD([p], lr=lr, momentum=0.9)),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "keys", "reference"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_equals_torch_optim_with_rates_of_its_own(name, keys, reference, dtype) -> None:  # type: ignore[no-untyped-def]
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 50, generator=generator, dtype=torch.float64).to(dtype)
    lrs, betas = (1e-3, 1e-2, 0.1), ((0.5, 0.999), (0.9, 0.99), (0.0, 0.9))
    columns = [torch.tensor(v, dtype=dtype).unsqueeze(1) for v in (lrs, *zip(*betas, strict=True))]
    ours = start.clone()
    optimizer = getattr(optimizers, name)(*columns, **keys)
    state = optimizer.init(ours)
    theirs = [torch.nn.Parameter(row.clone()) for row in start]
    solvers = [reference(p, lr, b) for p, lr, b in zip(theirs, lrs, betas, strict=True)]
    for t in range(1, 101):
        gradient = torch.randn(3, 50, generator=generator, dtype=torch.float64).to(dtype) * 10.0 ** (
            t % 5 - 2
        )
        ours += optimizer.step(state, gradient, t)
        for p, g, solver in zip(theirs, gradient, solvers, strict=True):
            p.grad = g.clone()
            solver.step()
    expected = torch.stack([p.detach() for p in theirs])
    scale = (expected - start).abs().max()
    assert (ours - expected).abs().max() <= (1e-7 if dtype == torch.float64 else 1e-5) * scale
    if dtype == torch.float64:
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-11)
