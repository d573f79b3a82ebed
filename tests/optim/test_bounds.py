"""Where the range of every setting ends: what is just inside is taken, what is just outside is an error."""

import re

import numpy as np
import pytest

from fnnet import optim
from fnnet.errors import ConfigError

s = optim.schedules

BELOW_ONE = ([0.0, 0.999], [-0.001, 1.0])
POSITIVE = ([1e-9, 1e9], [0.0, -1.0])
NOT_NEGATIVE = ([0.0, 1e9], [-1e-9])
SHARE = ([0.0, 1.0], [-0.001, 1.001])
AT_LEAST_1 = ([1, 1e9], [0.999])

SETTINGS = [
    ("decay", optim.momentum, BELOW_ONE),
    ("momentum", lambda v: optim.sgd(0.1, momentum=v), BELOW_ONE),
    ("momentum", lambda v: optim.rmsprop(0.1, momentum=v), BELOW_ONE),
    ("b1", lambda v: optim.scale_by_adam(b1=v), BELOW_ONE),
    ("b2", lambda v: optim.scale_by_adam(b2=v), BELOW_ONE),
    ("eps", lambda v: optim.scale_by_adam(eps=v), POSITIVE),
    ("decay", lambda v: optim.scale_by_rms(decay=v), BELOW_ONE),
    ("eps", lambda v: optim.scale_by_rms(eps=v), POSITIVE),
    ("eps", lambda v: optim.scale_by_adagrad(eps=v), POSITIVE),
    ("start", lambda v: optim.scale_by_adagrad(start=v), NOT_NEGATIVE),
    ("b1", lambda v: optim.scale_by_adamax(b1=v), BELOW_ONE),
    ("b2", lambda v: optim.scale_by_adamax(b2=v), BELOW_ONE),
    ("eps", lambda v: optim.scale_by_adamax(eps=v), POSITIVE),
    ("b1", lambda v: optim.scale_by_radam(b1=v), BELOW_ONE),
    ("b2", lambda v: optim.scale_by_radam(b2=v), BELOW_ONE),
    ("eps", lambda v: optim.scale_by_radam(eps=v), POSITIVE),
    ("b1", lambda v: optim.scale_by_amsgrad(b1=v), BELOW_ONE),
    ("b2", lambda v: optim.scale_by_amsgrad(b2=v), BELOW_ONE),
    ("eps", lambda v: optim.scale_by_amsgrad(eps=v), POSITIVE),
    ("b1", lambda v: optim.scale_by_adabelief(b1=v), BELOW_ONE),
    ("b2", lambda v: optim.scale_by_adabelief(b2=v), BELOW_ONE),
    ("eps", lambda v: optim.scale_by_adabelief(eps=v), POSITIVE),
    ("b1", lambda v: optim.scale_by_lion(b1=v), BELOW_ONE),
    ("b2", lambda v: optim.scale_by_lion(b2=v), BELOW_ONE),
    ("decay", optim.scale_by_adadelta, BELOW_ONE),
    ("eps", lambda v: optim.scale_by_adadelta(eps=v), POSITIVE),
    ("steps", lambda v: optim.orthogonalize(steps=v), ([1, 9], [0, -1])),
    ("k", lambda v: optim.lookahead(optim.sgd(0.1), v), ([1, 9], [0])),
    ("alpha", lambda v: optim.lookahead(optim.sgd(0.1), 5, alpha=v), ([1e-9, 1.0], [0.0, 1.001])),
    ("decay", lambda v: optim.muon(0.1, momentum=v), BELOW_ONE),
    ("value", optim.clip, POSITIVE),
    ("norm", optim.clip_by_global_norm, POSITIVE),
    ("rate", optim.add_decayed_weights, NOT_NEGATIVE),
    ("factor", optim.scale_by_factor, ([-1e9, 1e9], [float("inf"), float("nan")])),
    ("learning_rate", optim.sgd, NOT_NEGATIVE),
    ("value", lambda v: s.step(v, 2), NOT_NEGATIVE),
    ("factor", lambda v: s.step(0.1, 2, factor=v), SHARE),
    ("value", lambda v: s.multi_step(v, [2]), NOT_NEGATIVE),
    ("factor", lambda v: s.multi_step(0.1, [2], factor=v), SHARE),
    ("value", lambda v: s.exponential(v, 0.5), NOT_NEGATIVE),
    ("factor", lambda v: s.exponential(0.1, v), POSITIVE),
    ("value", lambda v: s.inverse_time(v, 0.5), NOT_NEGATIVE),
    ("factor", lambda v: s.inverse_time(0.1, v), NOT_NEGATIVE),
    ("start", lambda v: s.linear(v, 0.5, 2), NOT_NEGATIVE),
    ("end", lambda v: s.linear(0.5, v, 2), NOT_NEGATIVE),
    ("value", lambda v: s.cosine(v, 2), NOT_NEGATIVE),
    ("end", lambda v: s.cosine(0.5, 2, end=v), NOT_NEGATIVE),
    ("steps", lambda v: s.warm_up(0.1, v), ([0, 9], [-1])),
    ("peak", lambda v: s.one_cycle(v, 10), NOT_NEGATIVE),
    ("steps", lambda v: s.one_cycle(0.1, v, rise=0.75), ([2, 3], [1])),
    ("rise", lambda v: s.one_cycle(0.1, 4, rise=v), ([0.251, 0.999], [0.0, 0.25, 1.0])),
    ("start_divisor", lambda v: s.one_cycle(0.1, 10, start_divisor=v), AT_LEAST_1),
    ("end_divisor", lambda v: s.one_cycle(0.1, 10, end_divisor=v), AT_LEAST_1),
]


@pytest.mark.parametrize(("name", "make", "values"), SETTINGS)
def test_ends_of_the_range(name, make, values):
    inside, outside = values
    for value in inside:
        assert callable(getattr(make(value), "update", make(value)))
    for value in outside:
        with pytest.raises(ConfigError, match=f"^{re.escape(name)}: expected "):
            make(value)


def test_every_part_tells_its_name():
    parts = [
        optim.clip(1.0),
        optim.clip_by_global_norm(1.0),
        optim.add_decayed_weights(0.1),
        optim.momentum(0.9),
        optim.scale_by_adam(),
        optim.scale_by_adagrad(),
        optim.scale_by_rms(),
        optim.scale_by_adamax(),
        optim.scale_by_radam(),
        optim.scale_by_amsgrad(),
        optim.scale_by_adabelief(),
        optim.scale_by_adadelta(),
        optim.scale_by_lion(),
        optim.scale_by_trust_ratio(),
        optim.orthogonalize(),
        optim.scale_by_factor(2.0),
        optim.scale_by_learning_rate(0.1),
    ]
    names = (
        "clip, clip_by_global_norm, add_decayed_weights, momentum, scale_by_adam, scale_by_adagrad, scale_by_rms, "
        "scale_by_adamax, scale_by_radam, scale_by_amsgrad, scale_by_adabelief, scale_by_adadelta, scale_by_lion, "
        "scale_by_trust_ratio, orthogonalize, scale_by_factor, scale_by_learning_rate"
    )
    assert repr(optim.chain(*parts).update) == f"chain({names})"


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda eps: optim.adam(0.1, eps=eps), r"eps · √\(1 - b2\)"),
        (lambda eps: optim.rmsprop(0.1, eps=eps), "eps"),
        (lambda eps: optim.adagrad(0.1, eps=eps), "eps"),
        (lambda eps: optim.nadam(0.1, eps=eps), r"eps · √\(1 - b2\)"),
        (lambda eps: optim.radam(0.1, eps=eps), r"eps · √\(1 - b2\)"),
        (lambda eps: optim.amsgrad(0.1, eps=eps), r"eps · √\(1 - b2\)"),
        (lambda eps: optim.adamax(0.1, eps=eps), "eps"),
        (lambda eps: optim.adabelief(0.1, eps=eps), "eps"),
        (lambda eps: optim.adadelta(0.1, eps=eps), "eps"),
    ],
)
def test_an_eps_too_small_for_the_dtype(make, what):
    """It would divide a gradient of 0 by 0."""
    with pytest.raises(ConfigError, match=rf"^{what}: expected at least 1.18e-38, .* in float32, got .*; take"):
        make(1e-60).init({"weight": np.zeros(2, np.float32)})
    for dtype, eps in ((np.float64, 1e-60), (np.float32, 1e-36), (np.complex64, 1e-36)):
        optimizer, zero = make(eps), {"weight": np.zeros(2, dtype)}
        updates, _ = optimizer.update(zero, optimizer.init(zero), zero)
        np.testing.assert_array_equal(updates["weight"], zero["weight"])


@pytest.mark.parametrize(
    ("make", "share"),
    [
        (optim.scale_by_adagrad, 1.0),
        (optim.scale_by_rms, 1.0),
        (lambda eps: optim.scale_by_adam(b2=0.75, eps=eps), 0.5),  # √(1 - b2)
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_least_divisor_is_the_least_normal_number(make, share, dtype):
    params, least = (np.zeros(2, dtype),), float(np.finfo(dtype).tiny) / share
    assert make(eps=least).init(params)
    with pytest.raises(ConfigError, match=r"expected at least .*, the least normal number in float"):
        make(eps=least * 0.999).init(params)
