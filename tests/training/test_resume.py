"""Exact resume: a training that was saved and loaded at any step goes on with the bytes of the one that never stopped.

fold(a + b)  =  fold(b) from load(save(fold(a)))
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet import checkpoint, optim, training
from tests.optim.cases import OPTIMIZERS, SCHEDULES
from tests.training.cases import KEY, LOSS, NETS, SHAPE, contents, stream

RATED = {
    "sgd": lambda rate: optim.sgd(rate, momentum=0.5, nesterov=True),
    "adam": optim.adam,
    "adamw": optim.adamw,
    "rmsprop": optim.rmsprop,
    "adagrad": optim.adagrad,
}
ALL = OPTIMIZERS | {
    f"{name} {schedule}": lambda make=make, rate=rate: make(rate())
    for name, make in RATED.items()
    for schedule, rate in SCHEDULES.items()
}


@pytest.mark.parametrize("name", ALL)
@settings(derandomize=True, deadline=None, max_examples=3)
@given(
    net=st.sampled_from(["all", "dropout", "batch_norm"]),
    size=st.sampled_from([5, 8, 23]),  # 5, 3 and 1 batches an epoch, the last ones short
    steps=st.integers(1, 7),
    cut=st.integers(0, 7),
    micro_batch=st.sampled_from([None, None, 6]),
)
def test_resume_is_exact(name, net, size, steps, cut, micro_batch, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "resume.safetensors"
    cut = min(cut, steps)

    def beginning():
        """The program as it is started, each time from nothing."""
        optimizer = ALL[name]()
        step = training.make_step(NETS[net], LOSS, optimizer, micro_batch=micro_batch)
        return step, training.init(NETS[net], optimizer, KEY, SHAPE)

    step, state = beginning()
    straight, history = training.fold(step, state, stream(size, 0, steps))

    step, state = beginning()
    before, first = training.fold(step, state, stream(size, 0, cut)) if cut else (state, [])
    checkpoint.save(path, before)

    step, like = beginning()
    loaded = checkpoint.load(path, like=like)
    assert contents(loaded) == contents(before)
    rest = stream(size, loaded.step, steps)
    resumed, second = training.fold(step, loaded, rest) if cut < steps else (loaded, [])
    assert contents(resumed) == contents(straight)
    assert first + second == history


def test_what_is_left_out_is_missed(tmp_path):
    """The law can fail: without the optimizer's memory, the step or the key, the bytes are others."""
    optimizer = optim.adam(0.01)
    step = training.make_step(NETS["all"], LOSS, optimizer)
    start = training.init(NETS["all"], optimizer, KEY, SHAPE)
    state, _ = training.fold(step, start, stream(8, 0, 4))
    straight, _ = training.fold(step, state, stream(8, 4, 6))
    for forgotten in ("step", "opt_state"):
        crippled = state._replace(**{forgotten: getattr(start, forgotten)})
        resumed, _ = training.fold(step, crippled, stream(8, 4, 6))
        assert contents(resumed.params) != contents(straight.params)
    resumed, _ = training.fold(step, state, stream(8, 3, 5))  # another position in the epoch
    assert contents(resumed.params) != contents(straight.params)
