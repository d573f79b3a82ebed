"""Random numbers as pure functions of a key; the only module that touches `numpy.random`.

A `Key` is a seed and a path of words. Keys are made from keys with `fold_in`, named by purpose:

>>> root = key(0)
>>> step_3, epoch_3 = fold_in(fold_in(root, "train"), 3), fold_in(fold_in(root, "shuffle"), 3)
>>> bool((uniform(step_3, (4,)) == uniform(epoch_3, (4,))).any())
False

The bits come from Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), seeded with
`SeedSequence(seed, spawn_key=path)`; NumPy promises both streams for ever. Uniforms, Bernoullis and permutations are
built here from the raw 64-bit words and outlive NumPy versions; normals use `Generator.standard_normal`, whose stream
NumPy may change in a release.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

import attrs
import numpy as np
from numpy.typing import DTypeLike

from fnnet.arguments import float_dtype, real, shown, whole
from fnnet.errors import ConfigError, ShapeError, expected

_WORDS = 2**64  # seeds and integer words lie below


def _seed(value: object) -> int:
    number = whole("seed", value, 0)
    if number >= _WORDS:
        raise ConfigError(expected("seed", "a whole number below 2**64", number))
    return number


def _path(words: object) -> tuple[int | str, ...]:
    if not isinstance(words, tuple | list):  # a string would be a path of letters
        fix = f"write ({words!r},)" if isinstance(words, str | int) else ""
        raise ConfigError(expected("path", "a tuple of words", shown(words), fix))
    return tuple(_word(word) for word in words)


@attrs.frozen
class Key:
    """A seed and a path: names one stream of random bits. Make one with `key`, others from it with `fold_in`."""

    seed: int = attrs.field(converter=_seed)
    path: tuple[int | str, ...] = attrs.field(default=(), converter=_path)


def _word(word: object) -> int | str:
    if isinstance(word, str):
        try:
            word.encode()
        except UnicodeEncodeError:
            raise ConfigError(expected("word", "text that UTF-8 can hold", shown(word))) from None
        return str(word)
    if isinstance(word, tuple | list):
        fix = "fold in one word after the other, as in fold_in(fold_in(key, 'shuffle'), 3)"
        raise ConfigError(expected("word", "a string or a whole number below 2**64", shown(word), fix))
    number = whole("word", word, 0)
    if number >= _WORDS:
        raise ConfigError(expected("word", "a string or a whole number below 2**64", number))
    return number


def key(seed: int) -> Key:
    """The key at the root of a seed, 0 ≤ seed < 2⁶⁴.

    >>> key(7)
    Key(seed=7, path=())
    """
    return Key(seed)


def fold_in(key: Key, word: int | str) -> Key:
    """The key one word further down the path; another word gives independent bits.

    >>> fold_in(fold_in(key(7), "train"), 3)
    Key(seed=7, path=('train', 3))
    """
    return Key(check_key(key).seed, (*key.path, word))


def split(key: Key, n: int) -> tuple[Key, ...]:
    """`n` keys below this one; `split(key, n)` begins with `split(key, m)` for m < n.

    >>> split(key(7), 2)
    (Key(seed=7, path=('split', 0)), Key(seed=7, path=('split', 1)))
    """
    below = fold_in(key, "split")
    return tuple(fold_in(below, i) for i in range(whole("n", n, 0)))


def uniform(
    key: Key, shape: Sequence[int] = (), low: float = 0.0, high: float = 1.0, dtype: DTypeLike = np.float32
) -> np.ndarray:
    """Uniform numbers in [low, high), of `shape`, as float32 or float64.

    u = (word >> 11) · 2⁻⁵³ in float64; in float32 the first 24 of the same 53 bits, so the two agree to 2⁻²⁴.

    >>> uniform(key(0), (3,)).dtype
    dtype('float32')
    """
    low, high = real("low", low), real("high", high)
    if not low <= high:
        raise ConfigError(expected("low", f"a number ≤ high = {high}", low))
    kind, shape = float_dtype(dtype), _shape(shape)
    top = float(np.finfo(kind).max)
    if not max(abs(low), abs(high), high - low) <= top:
        raise ConfigError(expected("low, high and their distance", f"at most {top:g} in {kind}", f"{low:g}, {high:g}"))
    bits = 24 if kind == np.float32 else 53
    whole, philox = np.empty(shape, kind), _philox(key)
    for draws in _pieces(whole):
        draws[...] = philox.random_raw(len(draws)) >> np.uint64(64 - bits)
        draws *= 2.0**-bits
        if (low, high) != (0.0, 1.0):
            draws *= high - low
            draws += low
            if low < high:  # rounding may reach `high`
                np.minimum(draws, np.nextafter(kind.type(high), kind.type(low)), out=draws)
    return whole


def normal(key: Key, shape: Sequence[int] = (), dtype: DTypeLike = np.float32, *, deviation: float = 1.0) -> np.ndarray:
    """Normal numbers of `shape`, mean 0; float32 is float64 rounded. The stream may change with NumPy's version.

    `deviation` is the standard deviation, ≥ 0.

    >>> normal(key(0), (2, 3)).shape
    (2, 3)
    """
    deviation, draw = real("deviation", deviation, 0), generator(key).standard_normal
    whole = np.empty(_shape(shape), float_dtype(dtype))
    for draws in _pieces(whole):
        draws[...] = draw(len(draws)) * deviation
    return whole


def bernoulli(key: Key, p: float, shape: Sequence[int] = ()) -> np.ndarray:
    """Booleans of `shape`, each True with probability `p` (to within 2⁻³³), one 32-bit word each.

    >>> float(bernoulli(key(0), 0.25, (10_000,)).mean())
    0.2508
    """
    shape = _shape(shape)
    threshold = round(real("p", p, 0, 1) * 2**32)
    n = _size(shape)
    if threshold == 2**32:
        return np.ones(shape, bool)
    halves = _words(key, (n + 1) // 2).astype("<u8", copy=False).view("<u4")[:n]
    return (halves < np.uint32(threshold)).reshape(shape)


def permutation(key: Key, n: int) -> np.ndarray:
    """The numbers 0 … n - 1 in random order: the order that sorts n random words (ties keep their order).

    It takes 17 bytes a number at its peak, its result's eight among them.

    >>> permutation(key(0), 5)
    array([0, 3, 1, 2, 4])
    """
    return _order(_words(key, whole("n", n, 0)))


def _order(words: np.ndarray) -> np.ndarray:
    """`np.argsort(words, kind="stable")` in a quarter of its time: a plain sort, of words whose low bits are places.

    Where two words are alike in the bits that are left of them, whole words decide.
    """
    n = len(words)
    low = np.uint64((1 << n.bit_length()) - 1)
    packed = words & ~low
    for start in range(0, n, _PIECE):
        piece = packed[start : start + _PIECE]
        piece |= np.arange(start, start + len(piece), dtype=np.uint64)
    packed.sort()
    alike = [np.empty(0, np.int64)]
    for start in range(0, n - 1, _PIECE):
        piece, following = packed[start : start + _PIECE], packed[start + 1 : start + _PIECE + 1]
        alike.append(start + np.flatnonzero(piece[: len(following)] ^ following <= low))
    first = np.concatenate(alike)
    packed &= low
    order = packed.view(np.int64)
    close = np.union1d(first, first + 1)
    order[close] = order[close][np.argsort(words[order[close]], kind="stable")]
    return order


def generator(key: Key) -> np.random.Generator:
    """NumPy's own generator on this key's bits, for any other distribution. It has a state: use it once, locally.

    >>> int(generator(key(0)).integers(10)) in range(10)
    True
    """
    return np.random.Generator(_philox(key))


def _words(key: Key, n: int) -> np.ndarray:
    return _philox(key).random_raw(n)


_PIECE = 2**16  # numbers that are drawn or looked at at once, of as many as there may be


def _pieces(whole: np.ndarray) -> Iterator[np.ndarray]:
    """An array made for this, in pieces to be written one after the other, as if it were drawn at once."""
    flat = whole.reshape(-1)
    return (flat[start : start + _PIECE] for start in range(0, flat.size, _PIECE))


def _philox(key: Key) -> np.random.Philox:
    path = [part for word in check_key(key).path for part in _encode(word)]
    return np.random.Philox(np.random.SeedSequence(key.seed, spawn_key=path))


def _encode(word: int | str) -> tuple[int, int, int]:
    """Kind, low half, high half: fixed length, so that no two paths give one list of 32-bit words."""
    if isinstance(word, str):
        kind, number = 1, int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
    else:
        kind, number = 0, word
    return kind, number & 0xFFFFFFFF, number >> 32


def check_key(key: object) -> Key:
    """The key itself, or the error that says what came in its place."""
    if not isinstance(key, Key):
        raise ConfigError(expected("key", "a Key", shown(key), "make one with rng.key(seed)"))
    return key


def _shape(shape: Sequence[int]) -> tuple[int, ...]:
    try:
        return tuple(whole("axis", axis, 0) for axis in shape)
    except (TypeError, ConfigError):
        raise ShapeError(expected("shape", "a sequence of whole numbers ≥ 0", shown(shape))) from None


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
