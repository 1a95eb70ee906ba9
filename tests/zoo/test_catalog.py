"""The catalogue is the only schema: it must say what the code says."""

import inspect

import pytest

from bench.data.catalog import DATA
from bench.metrics.catalog import METRICS
from ganzoo.catalog import ZOO, Catalog, CatalogError, Entry, Key

ENTRIES = [entry for kind in ZOO.kinds() for entry in ZOO.entries(kind)]
POSITIONAL = {"model": ["shape", "classes"], "optimizer": ["lr", "beta1", "beta2"]}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: f"{e.kind}-{e.name}")
def test_every_entry_binds_to_its_signature(entry: Entry) -> None:
    parameters = inspect.signature(entry.load()).parameters.values()
    keyword_only = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert keyword_only == {name: key.default for name, key in entry.keys.items()}
    others = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    assert others == POSITIONAL.get(entry.kind, [])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: f"{e.kind}-{e.name}")
def test_every_default_is_legal_and_documented(entry: Entry) -> None:
    assert entry.formula
    assert entry.resolve({}) == {name: key.default for name, key in entry.keys.items()}
    for key in entry.keys.values():
        assert key.doc
        assert key.check(key.default) == key.default


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1e-4", "YAML reads 1e-4 as text"),
        (True, "expected a number, got True"),
        (2.0, "legal: 0 to 1"),
        (float("nan"), "legal: 0 to 1"),
    ],
)
def test_a_key_says_what_is_wrong(value: object, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        Key(float, 0.5, "a share", low=0.0, high=1.0).check(value)


def test_a_whole_number_will_do_for_a_number() -> None:
    assert isinstance(Key(float, 0.5, "x").check(1), float)


def test_an_unknown_name_gets_the_nearest_one_and_all_legal_ones() -> None:
    with pytest.raises(CatalogError, match=r"did you mean 'wasserstein'\?.*legal: minimax, .*hinge"):
        ZOO.get("loss", "waserstein")


def test_all_problems_of_a_component_are_told_at_once() -> None:
    with pytest.raises(CatalogError, match=r"wdth: .*did you mean 'width'.*latent: .*legal: normal, uniform"):
        ZOO.get("model", "mlp").resolve({"wdth": 3, "latent": "gauss"})


def test_a_name_is_registered_once() -> None:
    entry = ENTRIES[0]
    with pytest.raises(CatalogError, match="registered twice"):
        Catalog([entry, entry])


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("loss", "lsgan", "did you mean 'least_squares'?;"),
        ("loss", "LS-GAN", "did you mean 'least_squares'?;"),
        ("loss", "wgan", "did you mean 'wasserstein'?;"),
        ("loss", "wgan_gp", "did you mean 'wasserstein'? (wgan_gp is the name of a penalty);"),
        ("loss", "ns", "did you mean 'non_saturating'?;"),
        ("loss", "NonSaturating", "did you mean 'non_saturating'?;"),
        ("penalty", "gp", "did you mean 'wgan_gp' or 'zero_centred_gp'?;"),
        ("penalty", "sn", "did you mean 'spectral_norm'?;"),
        ("penalty", "hinge", "unknown penalty 'hinge' (hinge is the name of a loss);"),
        ("dataset", "8gaussians", "did you mean 'ring8'?;"),
        ("metric", "recall", "did you mean 'prdc'?;"),
    ],
)
def test_what_others_call_a_part_leads_to_its_name(kind: str, name: str, hint: str) -> None:
    catalog = next(each for each in (ZOO, DATA, METRICS) if kind in each.kinds())
    with pytest.raises(CatalogError) as caught:
        catalog.get(kind, name)
    assert hint in str(caught.value)


def test_an_alias_is_no_legal_name_of_its_kind() -> None:
    for catalog in (ZOO, DATA, METRICS):
        for entry in (entry for kind in catalog.kinds() for entry in catalog.entries(kind)):
            assert not set(entry.aliases) & set(catalog.names(entry.kind))
