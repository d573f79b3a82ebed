"""fnnet against numbers that PyTorch made (see `make.py`); PyTorch itself is not needed here.

The two agree to 1e-10 in float64 and to 1e-5 in float32, relative to the largest element of each array. Where their
conventions differ, `theirs.py` makes up for it. The whole list:

| fnnet | PyTorch |
|---|---|
| dense `weight` (in, out), y = x W + b | `Linear.weight` (out, in), y = x Wᵀ + b |
| `avg_pool(count_padding=…)` | `count_include_pad=…` |
| `conv2d(padding="same")` with any stride | with stride 1 only |
| windows may lie in the padding up to kernel - 1 | padding of pools at most half the kernel |
| `depthwise_conv2d`, `separable_conv2d` | `conv2d` with `groups` |
| pools of 1, 2 or 3 `dims` | a name for each: `max_pool1d`, … |
| `lp_pool` takes the size of x | powers keep the sign of x |
| `global_avg_pool()` | `adaptive_avg_pool2d(x, 1).flatten(1)` |
| `scale_pool` | sums by `divisor_override=1`; no layer of that name |
| `batch_norm(decay=0.9)`, weight of the old statistics | `momentum=0.1`, weight of the new |
| `attention`: True in a mask means may look | so in `scaled_dot_product_attention`; not in `MultiheadAttention` |
| `max_unpool`: of equal places the last one gets the gradient | all of them |
| `transformer_encoder_layer`: 4 D hidden features, norms first, no dropout | 2048, last, 0.1 by default |
| `attention`: a query that may look nowhere reads 0 | the same; `MultiheadAttention` that returns weights: NaN |
| `gelu` in its tanh form | `approximate="tanh"`; the default is the erf form |
| `hard_sigmoid` is exact | the derivative of `hardsigmoid` is 1/6 in float32, also of float64 |
| `hard_shrink`, `soft_shrink`: `bound` | `lambd` |
| `glu(gate=…)` | `glu` for the sigmoid; GEGLU, SwiGLU have no name |
| `maxout` | no layer of that name |
| `bilinear` weight (D, E, n) | (n, D, E) |
| `cosine_similarity(axis=-1)`; below ε the derivative is that of the value | `dim=1`; it is as if there were no ε |
| `prelu`: `slope`, one for each channel unless `shared` | `weight`, one for all unless `num_parameters` says more |
| `softplus` is exact | the identity for x > `threshold` = 20 (off by up to 2e-9) |
| `rnn lstm gru`: weights (in, out), one bias; `gru` a second one in n alone | (out, in), two biases, which add up |
| `embedding(padding=…)` reads 0 there | `padding_idx` reads its row, so it is not compared |
| losses sum over outputs, then reduce over the batch | `reduction="mean"` is over outputs too, except cross-entropy |
| `squared_error` is ½ Σ (x - t)² | `mse_loss(reduction="sum")` has no ½ |
| `mean_squared_error(reduction="sum")` sums means over outputs | `mse_loss(reduction="sum")` sums everything |
| `negative_log_likelihood` takes probabilities too | `nll_loss` takes classes only |
| `huber` is ½e² inside δ | the same; `smooth_l1_loss` is `huber` / δ |
| class weights of smoothed labels are those of the label | of every class the label is spread over |
| `kullback_leibler` takes scores | `kl_div` takes log-probabilities |
| `multi_class_hinge` sums over classes | `multi_margin_loss` takes their mean |
| `hinge` | a margin less the score with its sign; no loss of that name |
| `cosine_distance` | `1 - cosine_similarity` |
| `ctc` takes scores (N, T, K), labels with blanks behind | log-probabilities (T, N, K), labels with lengths |
| `ctc` is a mean over examples | each loss divided by its number of labels first |
| `ctc(impossible="zero")`; an error otherwise | `zero_infinity=True`; infinite otherwise |
| `norm_loss` | `torch.linalg.vector_norm` of the error; no loss of that name |
| `l2(optimizer, rate)` | `weight_decay=rate` of SGD, Adam, RMSprop, Adagrad (not AdamW) |
| `where=is_weight` | two param groups |
| `clip_by_global_norm` scales by norm / total | `clip_grad_norm_` scales by norm / (total + 1e-6) |
| `clip` | `clip_grad_value_` |
| `nadam(momentum_decay=0.004)`; b₁ at all steps by default | `NAdam` |
| `adam(b1, b2)`, `rmsprop(decay)`, `adagrad(start)` | `betas`, `alpha`, `initial_accumulator_value` |
| a schedule is a function of the count | a scheduler changes the optimizer's rate, step by step |
| `linear(start, end, steps)` | `LinearLR`, both as factors of the optimizer's rate |
| `warm_up` begins at 1 / (steps + 1) of the rate | `LinearLR` with that `start_factor`, then another |
| `cosine` stays at its end | `CosineAnnealingLR` rises again after `T_max` |
| `one_cycle` stays at its end | `OneCycleLR` raises an error after `total_steps` |
| `piecewise`, `inverse_time` | `LambdaLR` only, so not compared |
"""

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from fnnet import layers, losses, optim
from tests.golden import ours
from tests.golden.cases import CASES, PATH, digest

TOLERANCE = {np.float64: 1e-10, np.float32: 1e-5}

# Batch norm divides the one weight of each channel of this 1x1 convolution out again: its derivative is what is left
# of a difference of equal numbers, and float32 (PyTorch's too) keeps four digits of it.
CANCELLED = "residual_0.shortcut.conv2d_0.weight"

# What all keys have in common, softmax does not see: the derivative by their bias is 0, and what comes is rounding.
UNSEEN = "key.bias"


def golden():
    results = {name: {} for name in CASES}
    for key, value in load_file(PATH).items():
        case, _, name = key.partition("/")
        results.setdefault(case, {})[name] = value
    with safe_open(PATH, "np") as file:
        return results, file.metadata()


GOLDEN, METADATA = golden()


def agree(got, want, tolerance):
    """Raise unless both have the same names, and arrays within `tolerance` of the largest element."""
    assert got.keys() == want.keys(), f"got {', '.join(got)}, want {', '.join(want)}"
    for name, expected in want.items():
        assert got[name].shape == expected.shape, name
        size = 1 if name.endswith(UNSEEN) else np.abs(expected).max() * (10 if name.endswith(CANCELLED) else 1)
        allowed = tolerance * size
        np.testing.assert_allclose(got[name], expected, rtol=0, atol=allowed, err_msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_pytorch(case, dtype):
    got = ours.run(CASES[case], dtype)
    agree(got, GOLDEN[case], TOLERANCE[dtype])
    assert {value.dtype for name, value in got.items() if name not in ("value", "values")} <= {np.dtype(dtype)}


def test_the_file_is_of_these_cases():
    assert METADATA["cases"] == digest(CASES), "cases changed: run `python -m tests.golden.make` (extra `parity`)"
    assert METADATA["torch"].split(".")[0].isdigit()
    assert GOLDEN.keys() == CASES.keys()


def test_another_list_of_cases_is_noticed():
    fewer = {name: case for name, case in CASES.items() if name != "dense"}
    assert digest(fewer) != METADATA["cases"]


def test_a_difference_is_noticed():
    want = {"y": np.array([1.0, -2.0])}
    agree({"y": np.array([1.0, -2.0 + 1e-10])}, want, 1e-10)
    with pytest.raises(AssertionError, match="y"):
        agree({"y": np.array([1.0 + 4e-10, -2.0])}, want, 1e-10)
    with pytest.raises(AssertionError, match="got y, dx, want y"):
        agree({"y": want["y"], "dx": want["y"]}, want, 1e-10)
    with pytest.raises(AssertionError, match="y"):
        agree({"y": want["y"][None]}, want, 1e-10)


WITHOUT_COUNTERPART = {
    "dropout": "its mask is random",
    "noisy_dense": "its noise is random; without any it is dense",
    "mixture": "as the layers inside, and softmax",
    "spatial_dropout": "its mask is random",
    "alpha_dropout": "its mask is random",
    "drop_path": "its mask is random; no layer of that name",
    "gaussian_noise": "it is random; no layer of that name",
    "flatten": "moves no number",
    "reshape": "moves no number",
    "permute": "moves no number",
    "reparametrized": "makes a user's own",
    "tied": "as the layers inside",
    "crop": "moves no number",
    "transpose": "moves no number",
    "identity": "moves no number",
    "frozen": "as the layer inside",
    "layer": "makes a user's own",
    "named": "as the layer inside",
    "focal": "no loss of that name; with γ = 0 it is softmax_cross_entropy",
    "binary_focal": "no loss of that name; with γ = 0 it is binary_cross_entropy",
    "with_options": "as the loss inside",
    "parallel": "as residual",
    "beside": "as the layers inside",
    "graph": "as the layers inside",
    "sinusoidal_positions": "no layer of that name",
    "learned_tokens": "moves no number",
    "negative_elbo": "as binary_cross_entropy, and a divergence that its own test writes out",
    "learned_positions": "one addition of NumPy's",
    "add": "one addition of NumPy's",
    "multiply": "one multiplication of NumPy's",
    "concatenate": "moves no number",
    "stack": "moves no number",
    "select": "moves no number",
    "take": "moves no number",
    "gaussian_sample": "its draw is random",
    "per_step": "as the layer inside",
    "reverse": "moves no number",
    "last": "moves no number",
    "mean_over": "one mean of NumPy's",
    "scan": "as its cell",
    "carried": "as its core",
    "recomputed": "as the layer inside",
    "rnn_cell": "one step of rnn",
    "lstm_cell": "one step of lstm",
    "gru_cell": "one step of gru",
    "piecewise": "only a user's own function",
    "inverse_time": "only a user's own function",
    "schedule": "makes one of a number",
    "Schedule": "a type",
    "LearningRate": "a type",
}


def test_every_layer_loss_optimizer_and_schedule_is_compared():
    compared = {case.of for case in CASES.values()} | {"residual"}  # in the residual CNN
    public = {*layers.__all__, *losses.__all__, *optim.schedules.__all__, "sgd", "adam", "adamw", "rmsprop", "adagrad"}
    assert public - compared == {*WITHOUT_COUNTERPART}
