"""Nets as estimators: what scikit-learn's own checks do not ask."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'fnnet[sklearn]'")

import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fnnet
from fnnet import layers, losses, optim, recipe, rng, tree
from fnnet.errors import ConfigError, NonFiniteError, ShapeError
from fnnet.estimators import NetClassifier, NetRegressor

X, LABELS = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[LABELS]


@recipe.factory
def small(outputs):
    return layers.serial(layers.dense(8), layers.tanh(), layers.dense(outputs))


def quick(kind=NetClassifier, **options):
    return kind(**{"max_iter": 4, "tol": 0, "random_state": 0, "learning_rate": 0.01, "batch_size": 32, **options})


def content(estimator):
    return [tree.array(leaf).tobytes() for leaf in tree.leaves(estimator._state.params)]


# The same bytes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_four_passes_are_four_however_they_are_asked_for(dtype):
    body = layers.serial(layers.dense(8), layers.relu(), layers.dropout(0.2))
    whole = quick(body=body, dtype=dtype).fit(X, NAMES)
    halves = quick(body=body, dtype=dtype, max_iter=2, warm_start=True).fit(X, NAMES).fit(X, NAMES)
    parts = quick(body=body, dtype=dtype)
    for i in range(4):
        parts.partial_fit(X, NAMES, classes=np.unique(NAMES) if i == 0 else None)
        parts = pickle.loads(pickle.dumps(parts))
    assert content(whole) == content(halves) == content(parts)
    assert whole.loss_curve_ == halves.loss_curve_ == parts.loss_curve_
    assert whole.n_iter_ == halves.n_iter_ == parts.n_iter_ == 4
    assert whole.t_ == 4 * len(X)
    assert content(quick(body=body, dtype=dtype, random_state=1).fit(X, NAMES)) != content(whole)


def test_the_same_across_regression_and_a_pickle_between():
    whole = quick(NetRegressor).fit(X, X[:, :2])
    half = pickle.loads(pickle.dumps(quick(NetRegressor, max_iter=2, warm_start=True).fit(X, X[:, :2])))
    assert content(half.fit(X, X[:, :2])) == content(whole)


def test_a_second_fit_begins_anew_without_warm_start():
    net = quick()
    first = content(net.fit(X, NAMES))
    assert content(net.fit(X, NAMES)) == first
    unseeded = quick(random_state=None)
    assert content(unseeded.fit(X, NAMES)) != content(unseeded.fit(X, NAMES))


# Values of another library


def theirs(kind, x, y, **options):
    return kind(
        hidden_layer_sizes=(5,),
        activation="tanh",
        solver="sgd",
        learning_rate_init=0.1,
        momentum=0.0,
        nesterovs_momentum=False,
        alpha=0.0,
        batch_size=len(x),
        max_iter=3,
        random_state=0,
        tol=0,
        **options,
    )


@pytest.mark.parametrize("task", ["classes", "answers", "numbers"])
def test_three_steps_are_those_of_scikit_learns_perceptron(task):
    """From its own first weights, plain descent over the whole of the data, in float64."""
    y = {"classes": LABELS, "answers": (X[:, :2] > 0).astype(int), "numbers": X[:, :2] + X[:, 2:] ** 2}[task]
    kind, own = (MLPRegressor, NetRegressor) if task == "numbers" else (MLPClassifier, NetClassifier)
    with pytest.warns(ConvergenceWarning):
        other = theirs(kind, X, y).fit(X, y)
    fresh = theirs(kind, X, y).set_params(max_iter=1, learning_rate_init=1e-300)
    with pytest.warns(ConvergenceWarning):
        fresh.fit(X, y)  # which leaves the first weights
    net = own(
        layers.serial(layers.dense(5), layers.tanh()),
        optimizer=optim.sgd,
        learning_rate=0.1,
        batch_size=len(X),
        max_iter=1,
        tol=0,
        dtype="float64",
        random_state=0,
        loss={"answers": losses.binary_cross_entropy, "classes": losses.softmax_cross_entropy}.get(
            task, losses.squared_error
        ),
    ).fit(X, y)
    begun = net._state.params
    first = begun._replace(
        serial_0=begun.serial_0._replace(
            dense_0=begun.serial_0.dense_0._replace(weight=fresh.coefs_[0], bias=fresh.intercepts_[0])
        ),
        dense_0=begun.dense_0._replace(weight=fresh.coefs_[1], bias=fresh.intercepts_[1]),
    )
    net._state = net._state._replace(params=first, opt_state=net._optimizer().init(first))
    for _ in range(3):
        net.partial_fit(X, y)
    np.testing.assert_allclose(net.params_.dense_0.weight, other.coefs_[1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(net.params_.serial_0.dense_0.bias, other.intercepts_[0], rtol=1e-9, atol=1e-12)


# What may be predicted


def test_labels_are_what_they_were():
    net = quick(max_iter=60).fit(X, NAMES)
    assert set(net.predict(X)) <= set(NAMES)
    assert net.score(X, NAMES) > 0.9
    p = net.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(net.predict_log_proba(X), np.log(p), rtol=1e-4, atol=1e-5)
    assert net.decision_function(X).shape == (150, 3)
    two = quick().fit(X[:100], NAMES[:100])
    scores = two.decision_function(X)
    assert scores.shape == (150,)
    assert ((scores > 0) == (two.predict(X) == two.classes_[1])).all()


def test_several_labels_have_an_answer_each():
    y = np.stack([X[:, 0] > 0, X[:, 1] > 0, LABELS == 0], axis=1).astype(int)
    net = quick(max_iter=80).fit(X, y)
    assert net.predict(X).shape == net.predict_proba(X).shape == (150, 3)
    assert (net.predict(X) == y).mean() > 0.9
    assert set(np.unique(net.predict(X))) <= {0, 1}
    np.testing.assert_allclose(net.predict_log_proba(X), np.log(net.predict_proba(X)), rtol=1e-4, atol=1e-5)


def test_several_outputs():
    net = quick(NetRegressor, max_iter=150).fit(X, X[:, [0, 1]])
    assert net.predict(X).shape == (150, 2)
    assert net.score(X, X[:, [0, 1]]) > 0.8
    assert quick(NetRegressor).fit(X, X[:, 0]).predict(X).shape == (150,)


def test_images_and_sequences():
    images, digits = load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 1, 8, 8)
    body = layers.serial(layers.conv2d(8, 3), layers.relu(), layers.max_pool(2), layers.flatten())
    net = quick(body=body, max_iter=12).fit(images[:1200], digits[:1200])
    assert net.score(images[1200:], digits[1200:]) > 0.85
    assert net.n_features_in_ == 1
    with pytest.raises(ShapeError, match=r"examples of shape \(1, 8, 8\), as in fit, got \(8, 8\)"):
        net.predict(images[:, 0])
    sequences = X.reshape(150, 2, 2)
    assert quick(body=layers.flatten()).fit(sequences, NAMES).predict(sequences).shape == (150,)
    with pytest.raises(ShapeError, match=r"body: expected a net that gives \(N, features\), got .*layers.flatten"):
        quick(body=layers.conv2d(2, 3)).fit(images, digits)


def test_a_body_may_make_the_whole_net():
    net = quick(body=small, max_iter=60).fit(X, NAMES)
    assert net.net_ == small(3)
    assert net.score(X, NAMES) > 0.85
    with pytest.raises(ShapeError, match=r"body\(3\): expected a net that gives \(N, 3\), got \(2,\)"):
        quick(body=lambda outputs: layers.dense(2)).fit(X, NAMES)
    with pytest.raises(ConfigError, match=r"body\(3\): expected a net, got"):
        quick(body=lambda outputs: None).fit(X, NAMES)


def test_what_is_fitted_is_a_net_like_any(tmp_path):
    net = quick().fit(X, NAMES)
    fnnet.save(tmp_path / "net", net.net_, net.params_, (4,))
    again, params, _ = fnnet.load(tmp_path / "net")
    np.testing.assert_array_equal(again.apply(params, X.astype(np.float32))[0], net._predicted(X))


# Weights


def test_class_weights_are_sample_weights():
    shares = {"setosa": 1.0, "versicolor": 3.0, "virginica": 0.5}
    by_class = quick(class_weight=shares).fit(X, NAMES)
    by_hand = quick().fit(X, NAMES, sample_weight=[shares[name] for name in NAMES])
    assert content(by_class) == content(by_hand)
    both = quick(class_weight=shares).fit(X, NAMES, sample_weight=np.full(150, 2.0))
    np.testing.assert_allclose(both.predict_proba(X), by_class.predict_proba(X), rtol=1e-3)
    few = np.r_[:50, 50:60]
    balanced = quick(class_weight="balanced").fit(X[few], NAMES[few])
    by_hand = quick().fit(X[few], NAMES[few], sample_weight=np.where(NAMES[few] == "setosa", 60 / 100, 60 / 20))
    np.testing.assert_allclose(balanced.predict_proba(X), by_hand.predict_proba(X), rtol=1e-4)


def test_examples_of_no_weight_are_not_there():
    weight, y = np.r_[np.ones(100), np.zeros(50)], X[:, 0] * X[:, 1]
    options = {"batch_size": 150, "dtype": "float64", "max_iter": 20}
    with_all = quick(NetRegressor, **options).fit(X, y, weight)
    without = quick(NetRegressor, **options).fit(X[:100], y[:100])
    np.testing.assert_allclose(with_all.predict(X), without.predict(X), rtol=1e-9)
    assert with_all.loss_ == pytest.approx(without.loss_, rel=1e-9)
    with pytest.raises(ValueError, match="at least one non-zero"):
        quick().fit(X, NAMES, np.zeros(150))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        quick().fit(X, NAMES, -np.ones(150))


# When it ends


def test_it_ends_where_the_loss_improves_no_more():
    net = NetClassifier(max_iter=500, n_iter_no_change=3, tol=0.05, learning_rate=0.01, random_state=0).fit(X, NAMES)
    assert net.n_iter_ < 500
    assert len(net.loss_curve_) == net.n_iter_
    assert net.best_loss_ == min(net.loss_curve_)
    with pytest.warns(ConvergenceWarning, match="after 3 iterations the loss was still improving; allow more"):
        NetClassifier(max_iter=3, random_state=0).fit(X, NAMES)


def test_early_stopping_keeps_the_best():
    net = quick(early_stopping=True, max_iter=60, n_iter_no_change=5, tol=0.001, learning_rate=0.03).fit(X, NAMES)
    assert net.best_validation_score_ == max(net.validation_scores_)
    assert len(net.validation_scores_) == net.n_iter_
    assert net.best_loss_ is None
    assert net.score(X, NAMES) > 0.8
    with pytest.raises(ConfigError, match="early_stopping: expected False for partial_fit"):
        net.partial_fit(X, NAMES)
    quick(NetRegressor, early_stopping=True, max_iter=3).fit(X, X[:, 0])


def test_a_line_for_every_pass(capsys):
    quick(verbose=True, max_iter=2).fit(X, NAMES)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["iteration 1", "iteration 2"]


# In company


def test_in_a_grid_search_over_nets_on_two_processes():
    bodies = [layers.serial(layers.dense(n), layers.relu()) for n in (4, 16)]
    search = GridSearchCV(quick(max_iter=20), {"body": bodies, "learning_rate": [0.01, 0.03]}, cv=2, n_jobs=2)
    search.fit(X, NAMES)
    assert search.best_params_["body"] in bodies
    assert search.best_score_ > 0.7
    assert isinstance(pickle.loads(pickle.dumps(search)).best_estimator_, NetClassifier)


def test_in_a_pipeline_a_calibrator_and_a_stack():
    line = make_pipeline(StandardScaler(), quick(max_iter=30)).fit(X, NAMES)
    assert line.score(X, NAMES) > 0.8
    assert CalibratedClassifierCV(quick(max_iter=20), cv=2).fit(X, NAMES).predict_proba(X).shape == (150, 3)
    stack = StackingClassifier([("net", quick(max_iter=20)), ("line", LogisticRegression())], cv=2)
    assert stack.fit(X, NAMES).score(X, NAMES) > 0.9


def test_a_clone_is_the_same_and_not_fitted():
    net = quick(body=layers.serial(layers.dense(3), layers.relu()), loss=losses.softmax_cross_entropy).fit(X, NAMES)
    again = clone(net)
    assert again.get_params()["body"] == net.body
    with pytest.raises(NotFittedError):
        again.predict(X)
    assert content(again.fit(X, NAMES)) == content(net)
    assert "NetClassifier(" in repr(net)


def test_names_of_columns():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    net = quick().fit(frame, pandas.Series(NAMES))
    assert net.feature_names_in_.tolist() == list("abcd")
    assert content(net) == content(quick().fit(X, NAMES))
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame[list("dcba")])


# What is told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected a whole number ≥ 1"),
        ({"max_iter": 0}, "max_iter: expected a whole number ≥ 1"),
        ({"tol": -1}, "tol: expected"),
        ({"dtype": "float16"}, "dtype: expected 'float32' or 'float64', got 'float16'"),
        ({"validation_fraction": 1.0}, "validation_fraction: expected"),
        ({"optimizer": "adam"}, "optimizer: expected an optimizer, or a function from the learning rate"),
        ({"body": 3}, "body: expected a net without its last layer, or a function"),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(ConfigError, match=message):
        quick(**options).fit(X, NAMES)


def test_bad_targets():
    with pytest.raises(ValueError, match="expected at least two classes, got one class"):
        quick().fit(X, np.zeros(150))
    net = quick().partial_fit(X[:100], NAMES[:100], classes=np.unique(NAMES))
    with pytest.raises(ValueError, match=r"expected one of the classes 'setosa', .*, got .*iris"):
        net.partial_fit(X[:1], ["iris"])
    with pytest.raises(ValueError, match="classes: expected those of the first call"):
        net.partial_fit(X[:1], NAMES[:1], classes=["a", "b"])
    with pytest.raises(ValueError, match="NaN"):
        quick().fit(np.full((150, 4), np.nan), NAMES)
    with pytest.raises(ValueError, match="y: expected numbers"):
        quick(NetRegressor).fit(X, NAMES)
    with pytest.raises(NonFiniteError):
        quick(NetRegressor, optimizer=optim.sgd, learning_rate=1e30).fit(X, X[:, 0])


def test_predictions_are_made_in_batches_of_a_fixed_size():
    """So that their memory is bounded, and their bytes depend on no more than where an example stands."""
    net = quick(max_iter=1).fit(X, NAMES)
    many = np.asarray(rng.normal(rng.key(0), (5000, 4), np.float64))
    np.testing.assert_allclose(net.predict_proba(many)[2000:2100], net.predict_proba(many[2000:2100]), rtol=1e-5)
    assert sklearn.__version__
