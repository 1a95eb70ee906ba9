"""A harness's trial trained again by a plain PyTorch loop: same start, same draws, torch's own optimizers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.data.load import Dataset
from bench.train.build import build_game, build_streams, network
from bench.trial import Pack, Trial
from ganzoo.catalog import ZOO
from ganzoo.losses import HARD, Loss
from ganzoo.objective import DISC, GEN
from ganzoo.stack import load_flat

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda params, lr, trial: torch.optim.Adam(params, lr, betas=(trial.beta1, trial.beta2)),
    "sgd": lambda params, lr, trial: torch.optim.SGD(params, lr),
}
AfterStep = Callable[[int, nn.Module, nn.Module], None]


def loop(trial: Trial, data: Dataset, after_step: AfterStep) -> None:
    """`after_step(step, gen, disc)` is called with 0 before the first update, then after each step."""
    pack = Pack((trial,))
    game = build_game(pack, data)
    streams = build_streams(pack, data, game)
    gan = network(trial, data.shape, device="cpu")
    for net, player in ((gan.gen, game.gen), (gan.disc, game.disc)):
        net.to(getattr(torch, trial.dtype))
        load_flat(net, player.stack.weights[0])
    loss: Loss = ZOO.get("loss", trial.loss.name).load()(**trial.loss.kwargs)
    optimizer = OPTIMIZERS[trial.optimizer.name]
    opt_d = optimizer(gan.disc.parameters(), trial.lr_d, trial)
    opt_g = optimizer(gan.gen.parameters(), trial.lr_g, trial)

    def answers(x: Tensor) -> Tensor:
        return gan.disc(x).flatten()

    after_step(0, gan.gen, gan.disc)
    for step in range(1, trial.steps + 1):
        for each, lr in ((opt_d, trial.lr_d), (opt_g, trial.lr_g)):
            each.param_groups[0]["lr"] = lr * (1.0 - trial.lr_decay * (step - 1) / trial.steps)
        for turn in range(trial.n_critic):
            drawn = streams.draws(DISC, (step - 1) * trial.n_critic + turn)
            assert drawn.real is not None
            fake = gan.gen(drawn.latent[0]).detach()
            opt_d.zero_grad()
            loss.d_loss(answers(drawn.real[0]), answers(fake), HARD).mean().backward()
            opt_d.step()
        opt_g.zero_grad()
        loss.g_loss(None, answers(gan.gen(streams.draws(GEN, step - 1).latent[0]))).mean().backward()
        opt_g.step()
        after_step(step, gan.gen, gan.disc)
