"""Which public name stands on which page: one table, from which the pages of the reference are written.

Every row is a page: its file, its title, the module, and the names on it, or None for all that the module makes public.
`tests/test_site.py` holds it to what there is.
"""

import importlib
import inspect
from types import ModuleType
from typing import NamedTuple


class Page(NamedTuple):
    """A page of the reference."""

    file: str
    title: str
    module: str
    names: tuple[str, ...] | None = None


_LAYERS = """
layers-own | Dense layers, and your own | dense bilinear noisy_dense embedding maxout glu mixture cosine_similarity
    layer
layers-activations | Activations | relu leaky_relu prelu relu6 threshold elu celu selu gelu silu mish softplus softsign
    sigmoid log_sigmoid tanh tanh_shrink hard_sigmoid hard_swish hard_tanh hard_shrink soft_shrink softmax softmin
    log_softmax
layers-convolution | Convolutions | conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d
    depthwise_conv2d separable_conv2d
layers-pooling | Pooling | max_pool max_unpool avg_pool lp_pool scale_pool adaptive_avg_pool adaptive_max_pool
    global_avg_pool global_max_pool
layers-normalisation | Normalisation | batch_norm layer_norm rms_norm group_norm instance_norm local_response_norm
    weight_norm spectral_norm
layers-random | Layers that draw | dropout spatial_dropout alpha_dropout gaussian_noise drop_path gaussian_sample
layers-shapes | Shapes | flatten reshape permute transpose pad crop upsample pixel_shuffle pixel_unshuffle take identity
layers-sequences | Sequences | rnn rnn_cell lstm lstm_cell gru gru_cell scan bidirectional carried recomputed per_step
    reverse last mean_over
layers-attention | Attention | attention sinusoidal_positions learned_positions learned_tokens
    transformer_encoder_layer transformer_decoder_layer
layers-combinators | Layers of layers | serial parallel residual beside graph add multiply concatenate stack select
    frozen named tied reparametrized
"""


def _families(table: str) -> tuple[Page, ...]:
    rows = [row.split(" | ") for row in table.strip().replace("\n    ", " ").splitlines()]
    return tuple(Page(file, title, "fnnet.layers", tuple(names.split())) for file, title, names in rows)


LAYERS = _families(_LAYERS)
PAGES = (
    Page("fnnet", "fnnet", "fnnet", ("save", "load", "value_and_grad")),
    *LAYERS,
    Page("losses", "Losses", "fnnet.losses"),
    Page("optim", "Optimizers", "fnnet.optim"),
    Page("schedules", "Schedules", "fnnet.optim.schedules"),
    Page("training", "Training", "fnnet.training"),
    Page("parallel", "Several processes", "fnnet.parallel"),
    Page("metrics", "Metrics", "fnnet.metrics"),
    Page("data", "Data", "fnnet.data"),
    Page("zoo", "Nets by name", "fnnet.zoo"),
    Page("generate", "Generation", "fnnet.generate"),
    Page("initializers", "Initializers", "fnnet.initializers"),
    Page("rng", "Keys and draws", "fnnet.rng"),
    Page("tree", "Trees", "fnnet.tree"),
    Page("checkpoint", "Checkpoints", "fnnet.checkpoint"),
    Page("exchange", "Exchange", "fnnet.exchange"),
    Page("estimators", "Estimators", "fnnet.estimators"),
    Page("plots", "Figures", "fnnet.plots"),
    Page("summary", "Summary", "fnnet.summary"),
    Page("testing", "The law kit", "fnnet.testing"),
    Page("laws", "The laws", "fnnet.testing.laws"),
    Page("strategies", "Strategies for Hypothesis", "fnnet.testing.strategies"),
    Page("explain", "Explanations", "fnnet.explain"),
    Page("recipe", "Recipes", "fnnet.recipe"),
    Page("runs", "Runs", "fnnet.runs"),
    Page("kinds", "Kinds of answers", "fnnet.runs.kinds"),
    Page("types", "The records", "fnnet.types"),
    Page("errors", "Errors", "fnnet.errors"),
    Page("walk", "Walks", "fnnet.walk"),
    Page("arrays", "What goes in and out", "fnnet.arrays"),
    Page("arguments", "Checks of arguments", "fnnet.arguments"),
    Page("batching", "Batches", "fnnet.batching"),
    Page("labels", "Targets", "fnnet.labels"),
    Page("sums", "Sums of gradients", "fnnet.sums"),
    Page("over_batches", "Metrics over batches", "fnnet.over_batches"),
    Page("runtime", "The process", "fnnet.runtime"),
    Page("engine", "The optimizers' engine", "fnnet.optim.engine"),
    Page("convolution", "The convolution kernels", "fnnet.kernels.convolution"),
)

GROUPS = (
    ("Nets", ("fnnet", *(page.file for page in LAYERS), "zoo", "initializers")),
    ("Learning", ("losses", "optim", "schedules", "training", "parallel", "metrics", "data", "generate", "estimators")),
    ("Values", ("rng", "tree", "checkpoint", "exchange", "plots", "summary", "recipe")),
    ("Proof", ("testing", "laws", "strategies", "explain")),
    ("The shell", ("runs", "kinds")),
    ("Inside", ("types", "errors", "walk", "arrays", "arguments", "batching", "labels", "sums", "over_batches")),
    ("Engines", ("runtime", "engine", "convolution")),
)


def public(module: ModuleType) -> tuple[str, ...]:
    """The public names of a module: `__all__`, or what it defines itself; modules inside have pages of their own."""
    own = getattr(module, "__all__", None)
    if own is None:
        own = [
            name
            for name, value in vars(module).items()
            if name[0] != "_"
            and getattr(value, "__module__", None) == module.__name__
            and (inspect.isfunction(value) or inspect.isclass(value))
        ]
    return tuple(name for name in own if not inspect.ismodule(getattr(module, name)))


def names_of(page: Page) -> tuple[str, ...]:
    """The names on a page."""
    return page.names or public(importlib.import_module(page.module))


def every_name() -> dict[str, str]:
    """Full name -> the file of its page, for every public name and module."""
    found = {}
    for page in PAGES:
        found.setdefault(page.module, page.file)
        found |= {f"{page.module}.{name}": page.file for name in names_of(page)}
    return found
