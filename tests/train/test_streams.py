import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from bench.data.load import Dataset
from bench.train.build import build_game, build_streams
from bench.train.streams import BLOCK, PackStreams, coarse_uniforms, latents, stream
from bench.trial import Pack
from ganzoo.game import Draws
from tests.train.conftest import build, component, make_data, make_trial


def test_equal_arguments_agree_and_any_difference_differs() -> None:
    one = stream(0, 0, "data", "disc", 3).random(4)
    assert np.array_equal(one, stream(0, 0, "data", "disc", 3).random(4))
    others = [(1, 0, "data", "disc", 3), (0, 1, "data", "disc", 3), (0, 0, "latent", "disc", 3)]
    others += [(0, 0, "data", "gen", 3), (0, 0, "data", "disc", 4), (0, 2**32, "data", "disc", 3)]
    assert all(not np.array_equal(one, stream(*other).random(4)) for other in others)


def test_indices_do_not_run_together() -> None:
    assert not np.array_equal(stream(0, 11, "x").random(4), stream(0, 1, "1x").random(4))


def test_the_first_draws_are_pinned() -> None:
    """The protocol's numbers: a change of the streams changes every result and needs a new protocol
    version."""
    assert stream(0, 0, "latent", "gen", 0).integers(0, 10**6, 3).tolist() == [797284, 90119, 292040]


def test_latents() -> None:
    normal = latents("normal", stream(0, 0, "latent"), (100_000,))
    uniform = latents("uniform", stream(0, 0, "latent"), (100_000,))
    assert normal.std() == pytest.approx(1, abs=0.01)
    assert uniform.std() == pytest.approx(1 / 3**0.5, abs=0.01)
    assert -1 <= uniform.min() <= uniform.max() <= 1


def test_coarse_uniforms_are_uniform_in_steps_of_2_to_the_minus_16() -> None:
    u = coarse_uniforms(stream(0, 0, "dropout"), (1000, 201)).double()
    assert u.shape == (1000, 201)
    assert 0.0 <= u.min() < 1e-4
    assert 1.0 - 1e-4 < u.max() < 1.0
    assert torch.equal(u * 65536, (u * 65536).round())
    counts = torch.histc(u, 50, 0.0, 1.0)
    assert chisquare(counts.numpy()).pvalue > 0.001
    assert (u >= 0.4).double().mean().item() == pytest.approx(0.6, abs=0.005)


NOISY = {"dropout": 0.1, "label_noise": 0.1, "label_jitter": 0.1, "instance_noise": 0.1}


def streams_of(seeds: list[int], data: Dataset, **changes: object) -> PackStreams:
    pack = Pack(tuple(make_trial(seed=s, **changes) for s in seeds))
    return build_streams(pack, data, build_game(pack, data))


def tensors(draws: Draws) -> dict[str, torch.Tensor]:
    named = {n: getattr(draws, n) for n in ("latent", "real", "label", "jitter", "instance")}
    return {n: t for n, t in (*named.items(), *(draws.dropout or {}).items()) if t is not None}


@pytest.mark.parametrize("player", ["disc", "gen"])
@pytest.mark.parametrize("update", [0, BLOCK - 1, BLOCK, 5 * BLOCK + 3])
def test_draws_belong_to_seed_player_and_update_alone(player: str, update: int, data: Dataset) -> None:
    many = tensors(streams_of([3, 1, 3, 2], data, **NOISY).draws(player, update))
    for k, seed in enumerate([3, 1, 3, 2]):
        one = tensors(streams_of([seed], data, **NOISY).draws(player, update))
        assert one.keys() == many.keys()
        assert all(torch.equal(many[n][k], one[n][0]) for n in one)
    assert all(not torch.equal(t[0], t[1]) for t in many.values())


def test_updates_and_players_have_draws_of_their_own(data: Dataset) -> None:
    streams = streams_of([0], data, **NOISY)
    first, second, gen = (
        tensors(d) for d in (streams.draws("disc", 0), streams.draws("disc", 1), streams.draws("gen", 0))
    )
    assert all(not torch.equal(first[n], second[n]) for n in first)
    assert not torch.equal(first["latent"], gen["latent"])


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_a_batch_of_another_size_is_drawn_alone(data: Dataset, kind: str) -> None:
    """The first update's draws are those of a block: only the number of updates made in one go differs."""
    model = component("model", "mlp", width=4, latent=kind)
    streams = streams_of([0, 1], data, model=model, **NOISY)
    alone = streams.beside("look", streams.data, None, batch=5)
    block = streams.beside("look", streams.data, None, batch=5)
    block._block = BLOCK
    first, same = tensors(alone.draws("disc", 0)), tensors(block.draws("disc", 0))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert all(len(made) == 1 for _, made in alone._blocks.values())
    assert all(len(made) == BLOCK for _, made in block._blocks.values())
    assert not torch.equal(first["latent"], alone.draws("disc", 1).latent)


def test_noise_that_no_member_uses_is_not_drawn(data: Dataset) -> None:
    assert set(tensors(streams_of([0], data).draws("disc", 0))) == {"latent", "real"}


def test_global_generators_are_left_alone(data: Dataset) -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  the global state is what must not move
    before = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    streams_of([0, 1], data, **NOISY).draws("disc", 0)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("penalty", ["wgan_gp", "r1"])
def test_what_is_mixed_is_of_one_class(penalty: str) -> None:
    """A point between a real and a fake sample is judged under one label: it must be the label of both."""
    model = component("model", "mlp", width=4, condition="concat")
    _, streams = build([make_trial(model=model, penalty=penalty, batch=32)], make_data(classes=3))
    draws = streams.draws("disc", 0)
    assert draws.real_class is not None
    assert draws.fake_class is not None
    assert torch.equal(draws.real_class, draws.fake_class) == (penalty == "wgan_gp")


def test_a_pack_of_samples_is_mixed_as_one() -> None:
    model = component("model", "mlp", width=4, pac=2)
    _, streams = build([make_trial(model=model, penalty="wgan_gp", batch=8)], make_data())
    mix = streams.draws("disc", 0).mix
    assert mix is not None
    assert mix.shape == (1, 4)
