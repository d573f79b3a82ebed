"""Generation from a state that goes on."""

import numpy as np
import pytest

from fnnet import generate, layers, rng
from fnnet.errors import ConfigError, DataError, ShapeError
from fnnet.types import Discrete

K = 6
NET = layers.graph(
    lambda net, state, ids: net.split(net.run(state, net.embed(ids))),
    embed=layers.embedding(K, 4),
    run=layers.lstm(8),
    split=layers.beside(layers.identity(), layers.per_step(layers.dense(K))),
)
PARAMS = NET.init(rng.key(0), (((8,), (8,)), Discrete((1,))))
STATE = (np.zeros((3, 8), np.float32), np.zeros((3, 8), np.float32))
IDS = np.array([[1, 2], [0, 5], [3, 3]])


def test_it_is_the_loop_written_out():
    written = generate.write_on(NET, PARAMS, STATE, IDS, 5, rng.key(3), temperature=0.7, top_k=4)
    everything = IDS
    for i in range(5):
        (_, logits), _ = NET.apply(PARAMS, (STATE, everything))  # all of it, from the beginning
        own = generate.draw_ids(logits[:, -1], rng.fold_in(rng.key(3), i), temperature=0.7, top_k=4)
        everything = np.concatenate([everything, own[:, None]], axis=1)
    np.testing.assert_array_equal(written.ids, everything[:, 2:])
    (state, _), _ = NET.apply(PARAMS, (STATE, everything[:, :-1]))
    for one, other in zip(written.state, state, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_it_goes_on_from_where_it_ended():
    whole = generate.write_on(NET, PARAMS, STATE, IDS, 6, rng.key(0), temperature=0)
    first = generate.write_on(NET, PARAMS, STATE, IDS, 4, rng.key(0), temperature=0)
    then = generate.write_on(NET, PARAMS, first.state, first.ids[:, -1:], 2, rng.key(9), temperature=0)
    np.testing.assert_array_equal(np.concatenate([first.ids, then.ids], axis=1), whole.ids)


def test_the_key_decides():
    one, same, other = (
        generate.write_on(NET, PARAMS, STATE, IDS, 20, rng.key(seed), temperature=3.0).ids for seed in (0, 0, 1)
    )
    assert one.tobytes() == same.tobytes() != other.tobytes()


def shares(logits, temperature, top_k, top_p):
    """The probabilities by their definition, id by id."""
    p = np.exp(np.array(logits) / temperature)
    order = sorted(range(len(p)), key=lambda i: (-p[i], i))[:top_k]
    total, kept, gathered = sum(p[i] for i in order), [], 0.0
    for i in order:
        if top_p is not None and gathered >= top_p * total:
            break
        kept.append(i)
        gathered += p[i]
    return np.array([p[i] / gathered if i in kept else 0.0 for i in range(len(p))])


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [
        (1.0, None, None),
        (0.5, None, None),
        (2.0, 3, None),
        (1.0, None, 0.6),
        (1.5, 4, 0.8),
        (1.0, 1, None),
        (1.0, 9, 1.0),
    ],
)
def test_frequencies_are_the_probabilities(temperature, top_k, top_p):
    logits, n = [0.3, 1.2, -0.5, 1.2, 0.0], 20_000
    ids = generate.draw_ids(np.tile(logits, (n, 1)), rng.key(4), temperature=temperature, top_k=top_k, top_p=top_p)
    found = np.bincount(ids, minlength=5) / n
    wanted = shares(logits, temperature, top_k, top_p)
    np.testing.assert_allclose(found, wanted, atol=0.015)
    assert not found[wanted == 0].any()


def test_far_out():
    """Huge logits, ids that never come, temperatures that are next to none: right and silent."""
    with np.errstate(all="raise"):
        far = np.float32([[-1e30, 1e30, 0], [-np.inf, -np.inf, 2], [5, 5, 5]])
        assert generate.draw_ids(far, rng.key(0)).tolist()[:2] == [1, 2]
        assert generate.draw_ids(far, rng.key(0), temperature=1e-300).tolist()[:2] == [1, 2]
        assert generate.draw_ids(far, rng.key(0), temperature=0).tolist() == [1, 2, 0]
        assert generate.draw_ids(far, rng.key(0), top_p=1e-9).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature: expected a number"),
        ({"top_k": 0}, "top_k: expected a whole number ≥ 1, got 0"),
        ({"top_p": 0}, r"top_p: expected a number in \(0, 1\], got 0"),
        ({"top_p": 1.5}, r"top_p: expected a number in \(0, 1\], got 1.5"),
    ],
)
def test_options_that_are_none(options, message):
    with pytest.raises(ConfigError, match=message):
        generate.draw_ids(np.zeros((2, 3)), rng.key(0), **options)


def test_what_is_refused():
    with pytest.raises(ShapeError, match=r"logits: expected floats \(N, K\), got \(3,\) float64"):
        generate.draw_ids(np.zeros(3), rng.key(0))
    for bad in ([[0, 0], [np.nan, 1]], [[0, 0], [np.inf, 1]], [[0, 0], [-np.inf, -np.inf]]):
        with pytest.raises(DataError, match=r"logits\[1\]: expected finite numbers, or -∞ for what never comes"):
            generate.draw_ids(np.array(bad), rng.key(0))
    with pytest.raises(ConfigError, match="steps: expected a whole number ≥ 1, got 0"):
        generate.write_on(NET, PARAMS, STATE, IDS, 0, rng.key(0))
    with pytest.raises(ConfigError, match="net: expected a Layer"):
        generate.write_on(layers.gru, PARAMS, STATE, IDS, 1, rng.key(0))
    plain = layers.serial(layers.select(1), layers.embedding(K, 2))
    with pytest.raises(ShapeError, match=r"what the net makes: expected \(state, logits \(N, T, K\)\), got one array"):
        generate.write_on(plain, plain.init(rng.key(0), ((8,), Discrete((2,)))), (STATE[0], IDS)[0], IDS, 1, rng.key(0))
