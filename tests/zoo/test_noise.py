import pytest
import torch

from ganzoo import noise


def test_flips_exchange_pairs_with_the_given_probability() -> None:
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.ones(2, 100_000), torch.zeros(2, 100_000)
    u = torch.rand(2, 100_000, generator=generator)
    r, f = noise.flip_labels(real, fake, u, torch.tensor([[0.0], [0.1]]))
    assert torch.equal(r[0], real[0])
    assert f[1].mean().item() == pytest.approx(0.1, abs=0.004)
    assert torch.equal(r + f, real + fake)


def test_flips_rescale_a_wasserstein_loss_by_one_minus_two_p_in_expectation() -> None:
    generator = torch.Generator().manual_seed(1)
    real, fake = (
        torch.randn(1, 400_000, generator=generator) + 1,
        torch.randn(1, 400_000, generator=generator),
    )
    u = torch.rand(1, 400_000, generator=generator)
    r, f = noise.flip_labels(real, fake, u, torch.tensor([[0.2]]))
    assert (f - r).mean().item() == pytest.approx(0.6 * (fake - real).mean().item(), abs=0.01)


def test_targets_are_smoothed_on_the_real_side_only_and_jitter_goes_in_or_out() -> None:
    u = torch.tensor([[[0.5, 1.0], [0.25, 1.0]]])
    plain = noise.targets(torch.tensor([[0.1]]))
    assert plain.real == torch.tensor([[0.9]])
    assert plain.fake == 0.0
    inward = noise.targets(torch.tensor([[0.0]]), torch.tensor([[0.2]]), u)
    torch.testing.assert_close(inward.real, torch.tensor([[0.9, 0.8]]))
    torch.testing.assert_close(inward.fake, torch.tensor([[0.05, 0.2]]))
    outward = noise.targets(torch.tensor([[0.0]]), torch.tensor([[-0.2]]), u)
    torch.testing.assert_close(outward.real, torch.tensor([[1.1, 1.2]]))


def test_instance_noise_falls_to_zero_or_stays() -> None:
    sigma, until = torch.tensor([[1.0], [2.0]]), torch.tensor([[10.0], [0.0]])
    assert noise.anneal(0, sigma, until).flatten().tolist() == [1.0, 2.0]
    assert noise.anneal(5, sigma, until).flatten().tolist() == [0.5, 2.0]
    assert noise.anneal(20, sigma, until).flatten().tolist() == [0.0, 2.0]
