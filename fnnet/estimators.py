"""Nets as scikit-learn's estimators: in grid searches, pipelines, calibrators and ensembles. Extra `sklearn`.

>>> from fnnet.estimators import NetClassifier
>>> from sklearn.datasets import load_iris
>>> x, labels = load_iris(return_X_y=True)
>>> net = NetClassifier(learning_rate=0.01, tol=0, random_state=0).fit(x, labels)
>>> bool(net.score(x, labels) > 0.9), net.predict_proba(x[:2]).shape
(True, (2, 3))
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeAlias

import numpy as np

from fnnet import data, layers, losses, optim, rng, training, tree
from fnnet.arguments import flag, is_function, one_of, real, shown, whole
from fnnet.errors import ConfigError, DataError, ShapeError, expected
from fnnet.losses import Loss
from fnnet.training.step import Step
from fnnet.types import Array, Layer, Optimizer, Params

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state, compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"{error}; fnnet.estimators needs it: pip install 'fnnet[sklearn]'", name=error.name
    ) from None

Body: TypeAlias = Layer | Callable[[int], Layer] | None

_PREDICTED = 1024  # examples in a batch of prediction; part of what makes bytes repeat


class _NetEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both share: settings, the loop over epochs, when it ends, and batched prediction."""

    def __init__(
        self,
        body: Body = None,
        *,
        loss: Loss | None = None,
        optimizer: Optimizer | Callable[[Any], Optimizer] = optim.adam,
        learning_rate: float | Callable[[int], float] = 1e-3,
        batch_size: int = 200,
        max_iter: int = 100,
        random_state: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        dtype: str = "float32",
        verbose: bool = False,
    ):
        self.body = body
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.dtype = dtype
        self.verbose = verbose

    # What a subclass says

    def _targets(self, y: Any, first: bool) -> Array:
        """y as the loss takes it; at the first fit, what is to be predicted is taken from it."""
        raise NotImplementedError

    def _outputs(self) -> int:
        """How many numbers the net gives for an example."""
        raise NotImplementedError

    def _default_loss(self) -> Loss:
        raise NotImplementedError

    def _weights(self, y: Any, sample_weight: Any, x: Array) -> Array:
        """A number ≥ 0 for each example."""
        weights: Array = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        return weights

    # What users call

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for at most `max_iter` passes over the examples; with `warm_start`, from where the last fit ended.

        Args:
            X: (N, features), or what `body` takes, such as images (N, C, H, W); numbers.
            y: what is to be predicted, (N,) or (N, outputs).
            sample_weight: (N,), ≥ 0: the loss of a batch is Σ w l / Σ w.

        Raises:
            ConfigError: a setting is out of its range.
            ValueError: X, y or the weights are not what they should be.
            NonFiniteError: training has met NaN or infinity.
        """
        self._check_settings()
        begun = self.warm_start and hasattr(self, "_state")
        x = self._validated(X, reset=not begun)
        y = self._checked_targets(X, y, x)
        target, weight = self._targets(y, first=not begun), self._weights(y, sample_weight, x)
        if not begun:
            self._begin(x)
        self._train(x, target, weight, y, self.max_iter)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One pass over these examples, from where the last call ended; it never stops early."""
        return self._partial(X, y, sample_weight)

    def _partial(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        self._check_settings()
        if self.early_stopping:
            fix = "use fit, which can hold examples back"
            raise ConfigError(expected("early_stopping", "False for partial_fit", True, fix))
        begun = hasattr(self, "_state")
        x = self._validated(X, reset=not begun)
        y = self._checked_targets(X, y, x)
        target = self._targets(y, first=not begun) if classes is None else self._targets_of(y, classes, begun)
        weight = self._weights(y, sample_weight, x)
        if not begun:
            self._begin(x)
        self._epoch(x, target, weight)
        return self

    def _targets_of(self, y: Any, classes: Any, begun: bool) -> Array:
        return self._targets(y, first=not begun)

    # How it is done

    def _check_settings(self) -> None:
        whole("batch_size", self.batch_size, 1)
        whole("max_iter", self.max_iter, 1)
        whole("n_iter_no_change", self.n_iter_no_change, 1)
        real("tol", self.tol, 0)
        real("validation_fraction", self.validation_fraction, 0, 1, open="()")
        for name in ("early_stopping", "warm_start", "verbose"):
            flag(name, bool(getattr(self, name)))
        if np.dtype(self.dtype) not in (np.float32, np.float64):
            raise ConfigError(expected("dtype", one_of(("float32", "float64")), shown(self.dtype)))

    def _validated(self, X: Any, reset: bool) -> Array:
        """X as the net takes it, in C order."""
        if not reset and self.body is not None and (shape := np.shape(X)[1:]) != self._shape and len(shape) > 1:
            raise ShapeError(expected("X", f"examples of shape {self._shape}, as in fit", shape))
        x = validate_data(
            self,
            X,
            reset=reset,
            dtype=np.dtype(self.dtype),
            order="C",
            allow_nd=self.body is not None,
            ensure_min_samples=1,
        )
        return np.asarray(x)

    def _checked_targets(self, X: Any, y: Any, x: Array) -> Any:
        """y as scikit-learn looks at it."""
        if y is None:
            raise ConfigError("requires y to be passed, but the target y is None")
        y = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            from sklearn.exceptions import DataConversionWarning

            wanted = "A column-vector y was passed when a 1d array was expected; write y.ravel()"
            warnings.warn(wanted, DataConversionWarning, stacklevel=4)
            y = y.ravel()
        if y.ndim not in (1, 2):
            raise DataError(expected("y", "(N,) or (N, outputs)", y.shape))
        if len(y) != len(x):
            got = f"Found input variables with inconsistent numbers of samples: {[len(x), len(y)]}"
            raise DataError(got)
        return y

    def _begin(self, x: Array) -> None:
        """The net and its first state."""
        self._shape = x.shape[1:]
        self.net_ = self._net(self._outputs())
        seed = check_random_state(self.random_state).randint(2**31)
        state = training.init(self.net_, self._optimizer(), rng.key(int(seed)), self._shape)
        params = tree.cast(state.params, np.dtype(self.dtype))
        self._state = state._replace(params=params, opt_state=self._optimizer().init(params))
        self.n_iter_, self.t_ = 0, 0
        self.loss_curve_: list[float] = []
        self.best_loss_ = None if self.early_stopping else np.inf
        self.validation_scores_: list[float] | None = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None

    def _net(self, outputs: int) -> Layer:
        if self.body is None:
            return layers.serial(layers.dense(100), layers.relu(), layers.dense(outputs))
        if isinstance(self.body, Layer):
            inside = self.body.shape(self._shape)
            if len(inside) != 1:
                fix = "end it with layers.flatten(), or give a function from the number of outputs to the whole net"
                raise ShapeError(expected("body", "a net that gives (N, features)", f"(N, {inside})", fix))
            return layers.serial(self.body, layers.dense(outputs))
        body: Any = self.body
        if not is_function(body):
            wanted = "a net without its last layer, or a function from the number of outputs to a net"
            raise ConfigError(expected("body", wanted, shown(body)))
        net = body(outputs)
        if not isinstance(net, Layer):
            raise ConfigError(expected(f"body({outputs})", "a net", shown(net)))
        if net.shape(self._shape) != (outputs,):
            raise ShapeError(expected(f"body({outputs})", f"a net that gives (N, {outputs})", net.shape(self._shape)))
        return net

    def _optimizer(self) -> Optimizer:
        given: Any = self.optimizer
        if isinstance(given, Optimizer):
            return given
        if not is_function(given):
            wanted = "an optimizer, or a function from the learning rate to one, such as optim.adam"
            raise ConfigError(expected("optimizer", wanted, shown(given)))
        made: Optimizer = given(self.learning_rate)
        return made

    def _step(self) -> Step:
        loss = self._default_loss() if self.loss is None else self.loss

        def weighted(prediction: Array, target: tuple[Array, Array]) -> losses.LossValue:
            return loss(prediction, target[0], weight=target[1])

        return training.make_step(self.net_, weighted, self._optimizer())

    def _epoch(self, x: Array, target: Array, weight: Array) -> float:
        """One pass over the examples; the mean of the loss, each batch before its step."""
        if not weight.any():
            raise DataError(expected("sample_weight", "at least one non-zero number", "none"))
        step, size = self._step(), min(self.batch_size, len(x))
        key = rng.fold_in(rng.fold_in(self._state.key, "shuffle"), self.n_iter_)
        state, total = self._state, 0.0
        for own, wanted, share in data.batches(key, (x, target, weight), size):
            if share.any():
                state, measured = step(state, (own, (wanted, share)))
                total += measured["loss"] * float(share.sum())
        self._state = state
        self.params_: Params = state.params
        self.n_iter_ += 1
        self.t_ += len(x)
        self.loss_ = total / float(weight.sum())
        self.loss_curve_.append(self.loss_)
        if self.verbose:
            print(f"iteration {self.n_iter_}: loss {self.loss_:.6f}")
        return self.loss_

    def _train(self, x: Array, target: Array, weight: Array, y: Any, epochs: int) -> None:
        held = None
        if self.early_stopping:
            x, target, weight, held = self._hold_back(x, target, weight, y)
        best = self.best_validation_score_ if held else self.best_loss_
        assert best is not None
        since = 0
        kept = self._state
        for _ in range(epochs):
            loss = self._epoch(x, target, weight)
            if held:
                score = float(self.score(*held))
                assert self.validation_scores_ is not None
                self.validation_scores_.append(score)
                better, margin = score > best, score > best + self.tol
                if better:
                    best, kept = score, self._state
                    self.best_validation_score_ = score
            else:
                better, margin = loss < best, loss < best - self.tol
                if better:
                    best = self.best_loss_ = loss
            since = 0 if margin else since + 1
            if since >= self.n_iter_no_change:
                break
        else:
            if epochs > 1 and self.tol > 0:
                wanted = f"after {epochs} iterations the {'score' if held else 'loss'} was still improving"
                warnings.warn(f"{wanted}; allow more with max_iter", ConvergenceWarning, stacklevel=3)
        if held:
            self._state = kept
            self.params_ = kept.params

    def _hold_back(self, x: Array, target: Array, weight: Array, y: Any) -> tuple[Array, Array, Array, Any]:
        seed = int(rng.uniform(rng.fold_in(self._state.key, "validation"), (), dtype=np.float64) * 2**31)
        stratify = y if self._stratified(y) else None
        parts = train_test_split(
            np.arange(len(x)), test_size=self.validation_fraction, random_state=seed, stratify=stratify
        )
        rest, held = parts
        return x[rest], target[rest], weight[rest], (x[held], y[held], weight[held])

    def _stratified(self, y: Any) -> bool:
        return False

    def _predicted(self, X: Any, dtype: Any = None) -> Array:
        """What the net gives, (N, outputs), computed in `dtype` or another."""
        check_is_fitted(self, "params_")
        x, params = self._validated(X, reset=False), self.params_
        if dtype is not None:
            x, params = x.astype(dtype), tree.cast(params, dtype)
        parts = [self.net_.apply(params, part)[0] for (part,) in data.in_order((x,), _PREDICTED)]
        return np.concatenate(parts)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        tags.input_tags.three_d_array = self.body is not None
        tags.non_deterministic = False
        return tags


class NetClassifier(ClassifierMixin, _NetEstimator):  # type: ignore[misc]
    """A classifier made of a net.

        P(class k | x) = softmax(net(x))ₖ,    for labels that do not exclude each other σ(net(x))ₖ

    Args:
        body: the net without its last layer; or a function from the number of outputs to the whole net; None for one
            hidden layer of 100 ReLUs. Nets have recipes, so that `clone` and grid searches over bodies work.
        loss: of scores and labels, with `weight=`; by default cross-entropy. See `losses.with_options`.
        optimizer: a function from the learning rate to an optimizer, or an optimizer, which has its own.
        learning_rate: a number, or a schedule of the count of steps.
        batch_size: examples in a step, at most all.
        max_iter: passes over the examples, at most.
        random_state: a whole number, a NumPy RandomState, or None for another seed at every fit.
        early_stopping: hold examples back, and keep the params with the best score on them.
        validation_fraction: how much is held back, as a fraction.
        n_iter_no_change: passes without an improvement after which training ends.
        tol: how large an improvement has to be, of the loss, or of the score with `early_stopping`.
        warm_start: whether `fit` goes on where the last one ended.
        dtype: "float32" or "float64".
        verbose: whether to print a line for every pass.
        class_weight: `{class: weight}`, "balanced", or None; multiplied by sample weights.

    Attributes:
        classes_: the classes, or a list of two for each of several labels.
        net_, params_: the net and its params, as `fnnet.save` takes them.
        n_features_in_, feature_names_in_: as scikit-learn has them.
        n_iter_, t_: passes made, examples seen.
        loss_, best_loss_, loss_curve_: of each pass, the mean over it, every batch before its step.
        validation_scores_, best_validation_score_: with `early_stopping`.

    Labels are any that scikit-learn takes; with y (N, labels) of 0 and 1 there are several, each with its own answer.
    `fit` for four passes, two and two by `warm_start`, and four `partial_fit` give the same bytes.
    """

    def __init__(
        self,
        body: Body = None,
        *,
        loss: Loss | None = None,
        optimizer: Optimizer | Callable[[Any], Optimizer] = optim.adam,
        learning_rate: float | Callable[[int], float] = 1e-3,
        batch_size: int = 200,
        max_iter: int = 100,
        random_state: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        dtype: str = "float32",
        verbose: bool = False,
        class_weight: Mapping[Any, float] | str | None = None,
    ):
        super().__init__(
            body,
            loss=loss,
            optimizer=optimizer,
            learning_rate=learning_rate,
            batch_size=batch_size,
            max_iter=max_iter,
            random_state=random_state,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            dtype=dtype,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """One pass over these examples, from where the last call ended.

        Args:
            X, y, sample_weight: as for `fit`.
            classes: all classes there will ever be; at the first call, unless y has them all.
        """
        return self._partial(X, y, sample_weight, classes)

    def predict(self, X: Any) -> Array:
        """The most probable class of every example, or 0 and 1 for each of several labels."""
        scores = self._predicted(X)
        if self._multilabel:
            return (scores > 0).astype(int)
        found: Array = self.classes_[scores.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (N, classes)."""
        scores = self._predicted(X)
        made = layers.sigmoid() if self._multilabel else layers.softmax()
        return np.asarray(made.apply((), scores)[0])

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of probabilities (N, classes)."""
        scores = self._predicted(X)
        if self._multilabel:
            return -np.logaddexp(0, -scores)
        return np.asarray(layers.log_softmax().apply((), scores)[0])

    def decision_function(self, X: Any) -> Array:
        """The scores that probabilities are made of: (N, classes), of two classes the difference, (N,)."""
        scores = self._predicted(X)
        return scores[:, 1] - scores[:, 0] if not self._multilabel and len(self.classes_) == 2 else scores

    def _targets(self, y: Any, first: bool) -> Array:
        _check_classes(y)
        if first:
            self._multilabel = type_of_target(y) == "multilabel-indicator"
            self.classes_ = np.arange(y.shape[1]) if self._multilabel else unique_labels(y)
        return self._encoded(y)

    def _targets_of(self, y: Any, classes: Any, begun: bool) -> Array:
        _check_classes(y)
        classes = np.unique(classes)
        if begun and not np.array_equal(classes, self.classes_):
            raise DataError(expected("classes", f"those of the first call, {list(self.classes_)}", list(classes)))
        self._multilabel, self.classes_ = type_of_target(y) == "multilabel-indicator", classes
        return self._encoded(y)

    def _encoded(self, y: Any) -> Array:
        """Numbers of classes, or 0 and 1 for each label."""
        if self._multilabel:
            if y.ndim != 2 or y.shape[1] != len(self.classes_):
                raise DataError(expected("y", f"(N, {len(self.classes_)}) of 0 and 1", y.shape))
            return np.asarray(y, np.dtype(self.dtype))
        if y.ndim != 1:
            raise DataError(expected("y", "(N,), one class for each example", y.shape))
        if len(self.classes_) < 2:
            raise DataError(expected("y", "at least two classes", f"one class, {self.classes_[0]!r}"))
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            known = ", ".join(map(repr, self.classes_.tolist()[:9]))
            raise DataError(expected("y", f"one of the classes {known}", repr(unknown[0])))
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _outputs(self) -> int:
        return len(self.classes_)

    def _default_loss(self) -> Loss:
        return losses.binary_cross_entropy if self._multilabel else losses.softmax_cross_entropy

    def _weights(self, y: Any, sample_weight: Any, x: Array) -> Array:
        weights = super()._weights(y, sample_weight, x)
        if self.class_weight is None:
            return weights
        return weights * np.asarray(compute_sample_weight(self.class_weight, y))

    def _stratified(self, y: Any) -> bool:
        return not self._multilabel

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        tags.classifier_tags.multi_label = True
        return tags


def _check_classes(y: Any) -> None:
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise DataError(expected("y", "classes", "Input y contains infinity or NaN"))
    check_classification_targets(y)


class NetRegressor(RegressorMixin, _NetEstimator):  # type: ignore[misc]
    """A regressor made of a net; of y (N,) or (N, outputs).

    Args:
        body: the net without its last layer; or a function from the number of outputs to the whole net; None for one
            hidden layer of 100 ReLUs.
        loss: of predictions and targets (N, outputs), with `weight=`; by default half the squared error.
        optimizer, learning_rate, batch_size, max_iter, random_state, early_stopping, validation_fraction,
        n_iter_no_change, tol, warm_start, dtype, verbose: as in `NetClassifier`; the score is R².

    Attributes:
        net_, params_, n_features_in_, feature_names_in_, n_iter_, t_, loss_, best_loss_, loss_curve_,
        validation_scores_, best_validation_score_: as in `NetClassifier`.
        n_outputs_: numbers that are predicted for an example.

    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> net = NetRegressor(learning_rate=0.03, max_iter=400, tol=0, random_state=0).fit(x, abs(x[:, 0]))
    >>> bool(net.score(x, abs(x[:, 0])) > 0.9)
    True
    """

    def predict(self, X: Any) -> Array:
        """Predictions, shaped as y was; in float64, also those of a net that was trained in float32."""
        found = self._predicted(X, np.float64)
        return found[:, 0] if self._flat else found

    def _targets(self, y: Any, first: bool) -> Array:
        y = np.asarray(y)
        if y.dtype.kind not in "fiub":
            try:
                y = y.astype(np.float64)
            except (TypeError, ValueError):
                raise DataError(expected("y", "numbers", f"an array of {y.dtype}")) from None
        if y.dtype.kind == "c":
            raise DataError(expected("y", "real numbers", "Complex data not supported"))
        if not np.isfinite(y).all():
            raise DataError(expected("y", "finite numbers", "Input y contains NaN or infinity"))
        target = np.asarray(y.reshape(len(y), -1), np.dtype(self.dtype))
        if first:
            self._flat, self.n_outputs_ = y.ndim == 1, target.shape[1]
        if target.shape[1] != self.n_outputs_:
            raise DataError(expected("y", f"(N, {self.n_outputs_})", y.shape))
        return target

    def _outputs(self) -> int:
        return int(self.n_outputs_)

    def _default_loss(self) -> Loss:
        return losses.squared_error
