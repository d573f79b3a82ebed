"""Recipes as JSON: exact both ways, and nothing else than our own errors from whatever is no recipe."""

import json
import tracemalloc
from fractions import Fraction

import pytest

import fnnet
from fnnet import initializers, layers, losses, optim, recipe, rng
from fnnet.errors import ConfigError, FnnetError, FormatError
from fnnet.recipe import names
from tests.cases import scale
from tests.recipe.words import FUNCTIONS

KEY = rng.fold_in(rng.fold_in(rng.key(2**64 - 1), "init"), 7)


@recipe.factory
def holding(value=None, *more, **others):
    """A user's own layer with any argument."""
    return layers.layer(lambda key, shape: (), lambda params, x: (x, lambda dy: ((), dy)))


@recipe.factory
def dense(n):
    """One with a name that is taken."""
    return layers.identity()


VALUES = [
    *(None, True, 0, -1, 2**1024 - 1, 0.1, -0.0, 5e-324, 1.7976931348623157e308, "", "ä\n\0", 1e16, 10**16),
    *((), (1, (2.0, "x")), {}, {"dense": {"n": 3}}, {1: "a", (2, None): {}}, Fraction(-1, 3), 1 - 2j, KEY),
    *(layers.relu(), initializers.he_normal(), optim.is_weight, losses.huber, scale),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: getattr(value, "__name__", repr(value)[:30]))
def test_every_kind_of_argument(value):
    known = [holding, scale]
    for net in holding(value), holding(1, value, value), holding(a=value, value=value):
        data = json.loads(json.dumps(recipe.to_json(net), allow_nan=False))
        again = recipe.from_json(data, known)
        assert again == net
        assert repr(again) == repr(net)
        assert recipe.digest(again) == recipe.digest(net)
    data = recipe.to_json(value)
    again = recipe.from_json(data, known)
    assert (type(again), repr(again)) == (type(value), repr(value))


def test_what_it_looks_like():
    assert recipe.to_json(layers.serial(layers.dense(10))) == {
        "serial": {
            "children": [{"dense": {"n": 10, "bias": True, "init": {"initializers.he_normal": {}}}}],
            "names": None,
        }
    }


def test_what_is_left_out_is_the_default():
    assert recipe.from_json({"dense": {"n": 10}}) == layers.dense(10)
    assert recipe.from_json({"serial": {}}) == layers.serial()


def test_no_two_functions_share_a_word():
    words = FUNCTIONS
    assert len(words) > 200
    assert len(set(words.values())) == len(words)
    assert not words.keys() & {"function", "dict", "fraction", "complex", "key"}
    scope = {name: getattr(fnnet, name) for name in fnnet.__all__}
    for word, function in words.items():
        assert names.word_of(function) == word
        assert eval(names.python_name(function), scope) is function


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "expected finite numbers, got nan"),
        (holding(float("inf")), r"^holding\.value: recipe: expected finite numbers, got inf"),
        (holding(2**1024), "whole numbers of at most 1024 bits, got one of 1025"),
        (holding("x" * 10_001), "text of at most 10000 letters, got 10001"),
        (holding("\ud800"), "text that UTF-8 can hold"),
        (holding(lambda: 0), "a function with a name, got '<lambda>'; give it a name"),
        (holding(object()), "got a object without a recipe; make it by a function with @fnnet.recipe.factory over it"),
        (holding(rng), r"got a module"),
        (holding(int), r"got a type"),
        (holding(frozenset([1])), "got a frozenset without a recipe"),
        (layers.serial(dense(3)), "a factory with a name of its own, got another 'dense'; rename it"),
        (layers.serial(layers.relu().train(rng.key(0)), layers.dropout(0.5).train(rng.key(0))), r"\(dropout\) without"),
    ],
)
def test_what_cannot_be_written(value, message):
    with pytest.raises(ConfigError, match=message):
        recipe.to_json(value)


def nested(depth):
    value = "inmost"
    for _ in range(depth):
        value = (value,)
    return value


def test_depth_is_bounded_both_ways():
    assert recipe.from_json(recipe.to_json(nested(209))) == nested(209)
    with pytest.raises(ConfigError, match="at most 210 values within each other, got more"):
        recipe.to_json(nested(210))
    data = {"relu": {}}
    for _ in range(100_000):
        data = {"frozen": {"inner": data}}
    with pytest.raises(FormatError, match="at most 210 values within each other, got more"):
        recipe.from_json(data)
    data = []
    data.append(data)
    with pytest.raises(FormatError, match="at most 210 values within each other, got more"):
        recipe.from_json(data)


def test_size_is_bounded_both_ways():
    assert len(recipe.from_json([0] * 99_999)) == 99_999
    with pytest.raises(FormatError, match="at most 100000 values, got more"):
        recipe.from_json([0] * 100_000)
    with pytest.raises(ConfigError, match="at most 100000 values, got more"):
        recipe.to_json((0,) * 100_000)


EVIL = {
    "no word": {"os.system": {"command": "true"}},
    "a dotted word": {"fnnet.layers.dense": {"n": 1}},
    "a module": {"layers": {}},
    "an attribute": {"dense.__globals__": {}},
    "builtins": {"eval": {"source": "1"}},
    "an underscored word": {"__import__": {"name": "os"}},
    "a plain function": {"losses.huber": {"prediction": 1, "target": 2}},
    "a class": {"optim.Optimizer": {"init": None, "update": None}},
    "layer itself": {"layer": {"init": {"function": "scale"}, "apply": {"function": "scale"}}},
    "two words": {"relu": {}, "tanh": {}},
    "none": {},
    "arguments in a list": {"dense": [3]},
    "no arguments": {"dense": None},
    "one that is missing": {"dense": {}},
    "one too many": {"dense": {"n": 3, "units": 3}},
    "a number as a name": {3: {}},
    "a name that is none": {"dense": {3: 3}},
    "nothing to make": {"dense": {"n": 0}},
    "text for a number": {"dense": {"n": "3"}},
    "a float for a number": {"dense": {"n": 3.0}},
    "a truth for a number": {"dense": {"n": True}},
    "a net for a number": {"dense": {"n": {"relu": {}}}},
    "a number for a net": {"serial": {"children": [3]}},
    "a function for a net": {"serial": {"children": [{"function": "relu"}]}},
    "a net for an initializer": {"serial": {"children": [{"dense": {"n": 3, "init": {"function": "nobody"}}}]}},
    "no list for *rest": {"serial": {"children": {"relu": {}}}},
    "a dict for *rest": {"serial": {"children": {"dict": []}}},
    "a list for **others": {"holding": {"others": []}},
    "numbers for **others": {"holding": {"others": {"dict": [[1, 2]]}}},
    "a name twice": {"serial": {"children": [{"relu": {}}, {"tanh": {}}], "names": ["a", "a"]}},
    "a window of lists": {"conv2d": {"channels": 1, "kernel": [[1], [2]]}},
    "a window of three": {"max_pool": {"kernel": [1, 2, 3]}},
    "a shape of text": {"reshape": {"shape": "ab"}},
    "a huge shape of text": {"reshape": {"shape": ["1" * 10_000]}},
    "a shape of a number": {"reshape": {"shape": 3}},
    "a shape of nets": {"reshape": {"shape": [{"relu": {}}]}},
    "a rate of a list": {"dropout": {"rate": [0.5]}},
    "a rate of a huge number": {"dropout": {"rate": 2**1000}},
    "an infinite slope": {"leaky_relu": {"slope": float("inf")}},
    "a slope that is none": {"leaky_relu": {"slope": float("nan")}},
    "a huge slope": {"leaky_relu": {"slope": 10**5000}},
    "an axis": {"softmax": {"axis": 0}},
    "an axis of text": {"softmax": {"axis": "x"}},
    "a name of a number": {"named": {"name": 3, "net": {"relu": {}}}},
    "a named number": {"named": {"name": "a", "net": 3}},
    "a frozen number": {"frozen": {"inner": 3}},
    "half a fraction": {"fraction": [1]},
    "a fraction by 0": {"dropout": {"rate": {"fraction": [1, 0]}}},
    "a fraction not in lowest terms": {"fraction": [2, 4]},
    "a fraction of text": {"fraction": "1/2"},
    "a fraction of floats": {"fraction": [1.0, 2.0]},
    "a fraction of truths": {"fraction": [True, True]},
    "a complex of text": {"complex": ["1", "2"]},
    "a complex that is none": {"complex": [float("nan"), 0.0]},
    "a key of text": {"key": "a"},
    "a key of a path": {"key": [1, "ab"]},
    "a key below 0": {"key": [-1, []]},
    "a key of floats": {"key": [0, [0.5]]},
    "a dict of a dict": {"dict": {"a": 1}},
    "a dict of triples": {"dict": [[1, 2, 3]]},
    "a dict with a name twice": {"dict": [["a", 1], ["a", 2]]},
    "a dict with a dict for a name": {"dict": [[{"dict": []}, 1]]},
    "a function of arguments": {"function": {"dense": {}}},
    "a function of a list": {"function": ["dense"]},
    "bytes": b"relu",
    "a set": {"dense": {"n": {3}}},
    "a value": {"dense": {"n": 3, "init": initializers.zeros()}},
    "letters of no text": {"holding": {"value": "\ud800"}},
}


@pytest.mark.parametrize("data", EVIL.values(), ids=EVIL)
def test_what_is_no_recipe(data):
    with pytest.raises((FormatError, ConfigError)) as raised:
        recipe.from_json(data, [holding, scale])
    assert isinstance(raised.value, FnnetError)
    assert len(str(raised.value)) < 1000


def test_an_argument_of_the_wrong_kind_is_told_from_a_wrong_word():
    with pytest.raises(FormatError, match=r"recipe: expected a word of fnnet, got 'conv9d'; give your own"):
        recipe.from_json({"serial": {"children": [{"conv9d": {}}]}})
    with pytest.raises(FormatError, match=r"recipe: dense: expected n, bias, init, got 'dilation'; written by a newer"):
        recipe.from_json({"dense": {"n": 3, "dilation": 2}})
    with pytest.raises(ConfigError, match=r"^serial\.children > dense: n: expected a whole number ≥ 1, got -3"):
        recipe.from_json({"serial": {"children": [{"dense": {"n": -3}}]}})


def test_huge_layers_take_no_memory():
    tracemalloc.start()
    net = recipe.from_json(
        {"serial": {"children": [{"dense": {"n": 10**12}}, {"conv2d": {"channels": 10**9, "kernel": 10**9}}]}}
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(net) == 2
    assert peak < 2**20


# What is known


def test_a_users_own_factory_by_itself_or_by_a_word():
    net = layers.serial(scale(), layers.relu())
    data = recipe.to_json(net)
    for known in ([scale], (scale,), {scale}, {"scale": scale}):
        assert recipe.from_json(data, known) == net
    for known in (None, [], {}, [holding], {"other": scale}):
        with pytest.raises(FormatError, match="expected a word of fnnet, got 'scale'; give your own"):
            recipe.from_json(data, known)
    renamed = {"serial": {"children": [{"old_scale": {}}, {"relu": {}}]}}
    assert recipe.from_json(renamed, {"old_scale": scale}) == net


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ([dense], "words that are not fnnet's own, got 'dense'; rename the function"),
        ({"relu": scale}, "got 'relu'"),
        ({"optim.adam": scale}, "got 'optim.adam'"),
        ({"function": scale}, "got 'function'"),
        ({"key": scale}, "got 'key'"),
        ([scale, scale], "every word once, got 'scale' twice"),
        ({"a": 3}, "functions with a name, got 3"),
        ({3: scale}, "functions with a name"),
        ([None], "functions with a name, got None"),
        ("scale", "functions, as in"),
        (scale, "functions, as in"),
        (3, "functions, as in"),
    ],
)
def test_known_is_checked(known, message):
    with pytest.raises(ConfigError, match=rf"^known: expected .*{message}"):
        recipe.from_json({"relu": {}}, known)


def test_an_undecorated_function_is_never_called():
    def trap():
        raise AssertionError("called")

    with pytest.raises(FormatError, match="recipe: trap: expected a factory, got another function"):
        recipe.from_json({"trap": {}}, [trap])
    handed = recipe.from_json({"holding": {"value": {"function": "trap"}}}, [trap, holding])
    assert handed.recipe.arguments["value"] is trap


# Differences


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (layers.relu(), layers.tanh(), ("the top", "relu", "tanh")),
        (layers.dense(3), layers.dense(4), ("dense > n", "3", "4")),
        (layers.leaky_relu(1), layers.leaky_relu(1.0), ("leaky_relu > slope", "1", "1.0")),
        (layers.leaky_relu(0.0), layers.leaky_relu(-0.0), ("leaky_relu > slope", "0.0", "-0.0")),
        (layers.dropout(0.5), layers.dropout(Fraction(1, 2)), ("dropout > rate", "0.5", "fraction")),
        (layers.serial(layers.relu()), layers.serial(), ("serial > children", "1 values", "0 values")),
        (layers.serial(), layers.serial(layers.relu()), ("serial > children", "0 values", "1 values")),
        (
            layers.serial(layers.relu(), layers.dense(3)),
            layers.serial(layers.relu(), layers.dense(3, bias=False), layers.relu()),
            ("serial > children > 1 > dense > bias", "True", "False"),
        ),
        (layers.relu(), layers.relu(), None),
        (layers.serial(), layers.serial(), None),
    ],
)
def test_where_two_recipes_differ(one, other, found):
    assert recipe.difference(recipe.to_json(one), recipe.to_json(other)) == found
