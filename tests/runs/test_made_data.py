"""Data that experiments make: against what they should be, and the same for the same key."""

import numpy as np
import pytest

from fnnet import rng, training, zoo
from fnnet.errors import ConfigError
from fnnet.runs import addition, characters, datasets, denoise, made, segment, trained, trainer, vae, vit
from fnnet.runs.kinds.text import write_on
from fnnet.types import Discrete

KEY = rng.key(7)


def some_digits(n=12):
    """Bright squares of several shades on black, ink in the middle as MNIST's."""
    images = np.zeros((n, 28, 28), np.float32)
    images[:, 6:22, 6:22] = rng.uniform(rng.key(3), (n, 16, 16))
    return images


def test_a_composed_picture_is_its_digits_and_its_clutter():
    x, mask = segment.composed(KEY, some_digits(), 5, digits=2, pieces=9)
    alone, ink = segment.composed(KEY, some_digits(), 5, digits=2, pieces=0)
    assert x.shape == mask.shape == (5, 1, 48, 48)
    assert (x.dtype, mask.dtype) == (np.float32, np.float32)
    assert (x >= alone).all()
    assert (ink == (alone >= segment.INK)).all()
    assert (mask == ink * (x == alone)).all()  # a piece that is brighter takes the pixel away
    assert 0 < (x > alone).sum() <= 5 * 9 * segment.PIECE**2
    assert 0 < mask.sum() < ink.sum()


def test_digits_lie_whole_on_the_canvas():
    image = np.ones((1, 28, 28), np.float32)
    x, _ = segment.composed(KEY, image, 40, side=30, digits=1, pieces=0)
    assert (x.sum(axis=(1, 2, 3)) == 28 * 28).all()
    corners = {tuple(np.argwhere(picture[0])[0]) for picture in x}
    assert corners == {(top, left) for top in range(3) for left in range(3)}


def test_iou_is_that_of_sets():
    logits, masks = rng.normal(KEY, (4, 1, 5, 5)), rng.bernoulli(rng.key(1), 0.5, (4, 1, 5, 5)).astype(np.float32)
    of_each = []
    for said, is_so in zip(logits, masks, strict=True):
        a, b = ({tuple(at) for at in np.argwhere(part > 0)} for part in (said, is_so))
        of_each.append(len(a & b) / len(a | b))
    assert segment.iou(logits, masks) == pytest.approx(np.mean(of_each))
    nothing = np.zeros((1, 1, 5, 5), np.float32)
    assert segment.iou(nothing, nothing) == 1


@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("digits", [1, 2, 3])
def test_the_sums_are_right(digits, reverse):
    asked = addition.pairs(KEY, digits, 100)
    x, target = addition.sums(asked, digits, reverse)
    assert x.shape == target.shape == (100, 3 * digits + 2)
    for (a, b), read, said in zip(asked, x, target, strict=True):
        text = "".join(addition.WORDS[i] for i in [*read, said[-1]])
        question, answer = text.split("=")
        assert question == f"{a:0{digits}}+{b:0{digits}}"
        assert int(answer[::-1] if reverse else answer) == a + b
        assert said.tolist() == [-1] * (2 * digits + 1) + [int(digit) for digit in answer]


def test_no_pair_is_drawn_twice():
    assert len({tuple(pair) for pair in addition.pairs(KEY, 2, 10_000)}) == 10_000
    first, more = addition.pairs(KEY, 2, 50), addition.pairs(KEY, 2, 80)
    assert (more[:50] == first).all()


def test_carries_are_counted_as_by_hand():
    asked = addition.pairs(KEY, 3, 200)
    counts = []
    for a, b in asked.tolist():
        carry = count = 0
        for _ in range(3):
            carry = (a % 10 + b % 10 + carry) // 10
            a, b, count = a // 10, b // 10, count + carry
        counts.append(count)
    assert addition.carries(asked, 3).tolist() == counts


def test_exact_match_is_what_the_net_writes_by_itself():
    x, _ = addition.sums(addition.pairs(KEY, 1, 6), 1)
    net = zoo.gpt(12, 5, features=8, heads=2, depth=1, dropout=0.0)
    params = net.init(KEY, Discrete((5,)))
    written = np.array([write_on(net, params, 5, read[:4], 2, KEY, 0) for read in x])
    right = np.concatenate([x[:, :4], written], axis=1)
    right[3:, -1] = (right[3:, -1] + 1) % 12  # three of six are to end otherwise
    read, asked = right[:, :-1], right[:, 1:].copy()
    asked[:, :3] = addition.UNASKED
    assert addition.exact_match(net.apply(params, read)[0], asked) == 0.5


def test_the_text_says_nothing_twice():
    text = characters.documentation()
    paragraphs = [paragraph for paragraph in text.split("\n\n") if paragraph.strip()]
    assert len(paragraphs) == len(set(paragraphs)) > 1000
    assert text == characters.documentation()


def test_ids_are_characters_and_back():
    ids = characters.encode("a “b” – ß\n")
    assert characters.decode(ids) == 'a "b" - ?\n'
    assert characters.decode(characters.encode(characters.VOCABULARY)) == characters.VOCABULARY


def test_pieces_of_text_lie_side_by_side():
    ids = np.arange(23)
    x, target = characters.windows(ids, 5)
    assert (x.ravel() == ids[:20]).all()
    assert (target.ravel() == ids[1:21]).all()


def test_the_text_that_is_held_out_comes_behind_that_which_is_read():
    config = characters.Config(steps=100, features=2)
    found = characters.problem(config, None)
    both = np.concatenate([found.train[0], found.test[0]])
    assert (both.ravel() == characters.encode(characters.documentation())[: both.size]).all()
    assert len(found.test[0]) == len(both) // characters.HELD_OUT


def test_noise_is_as_strong_as_said():
    grey = np.full((50, 1, 28, 28), 0.5, np.float32)
    noisy = denoise.noisy(KEY, grey, 0.1)
    assert noisy.dtype == np.float32
    assert (noisy - 0.5).std() == pytest.approx(0.1, rel=0.02)
    strong = denoise.noisy(KEY, grey, 10.0)
    assert (strong.min(), strong.max()) == (0, 1)


def test_psnr_is_the_mean_over_pictures():
    x, target = rng.uniform(KEY, (3, 1, 4, 4)), rng.uniform(rng.key(1), (3, 1, 4, 4))
    of_each = [10 * np.log10(1 / ((a - b) ** 2).mean()) for a, b in zip(x, target, strict=True)]
    assert denoise.psnr(x, target) == pytest.approx(np.mean(of_each), rel=1e-5)
    assert denoise.psnr(target, target) == 100
    assert denoise.psnr(target + 3, np.ones_like(target)) == 100  # what is too bright is shown as white


def test_black_and_white_keeps_the_brightness():
    x = vae.black_and_white(KEY, np.full((100, 1, 28, 28), 0.3, np.float32))
    assert set(np.unique(x)) == {0, 1}
    assert x.mean() == pytest.approx(0.3, abs=0.01)


def test_the_divergence_is_that_of_two_normal_distributions():
    mean, log_variance = rng.normal(KEY, (6, 3)), rng.normal(rng.key(1), (6, 3))
    each = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    assert vae.divergence((None, mean, log_variance), None) == pytest.approx(each.mean(), rel=1e-5)


def test_the_bound_is_measured_with_codes_that_are_drawn():
    config = vae.Config(train_examples=20, hidden=4, code=2)
    found = vae.problem(config, "bundled")
    params = found.net.init(rng.key(0), found.shape)
    x = found.test[0][:5]
    (logits, *described), (drawn, *again) = found.net.apply(params, x)[0], found.evaluated.apply(params, x)[0]
    assert all((a == b).all() for a, b in zip(described, again, strict=True))
    assert (logits != drawn).any()
    drawing = found.evaluated
    assert (found.evaluated.apply(params, x)[0][0] == drawn).all()
    plan = trainer.plan(found, config, vae.EXPERIMENT.answers.metrics)
    start = trainer.start(plan, 0)
    measured = trainer.evaluate(plan, start, "test")["test_loss"]
    by = [
        training.evaluate(net, start.state.params, found.test, loss=found.loss)["loss"] for net in (drawing, found.net)
    ]
    assert measured == by[0] != by[1]


@pytest.mark.parametrize(
    "make",
    [
        lambda key: segment.composed(key, some_digits(), 3),
        lambda key: addition.pairs(key, 2, 30),
        lambda key: denoise.noisy(key, some_digits(), 0.5),
        lambda key: vae.black_and_white(key, some_digits()),
    ],
    ids=["composed", "pairs", "noisy", "black_and_white"],
)
def test_the_key_decides(make):
    first, again, other = (np.asarray(make(key)) for key in (KEY, KEY, rng.key(8)))
    assert first.tobytes() == again.tobytes() != other.tobytes()


def test_the_seed_of_a_run_does_not_change_its_data():
    of = [addition.problem(addition.Config(seed=seed, train_examples=20), None).digests for seed in (0, 1)]
    assert of[0] == of[1]


def test_parts_hold_back_the_last_examples():
    train, test = (np.arange(5.0), np.arange(5)), (np.arange(2.0), np.arange(2))
    found = made.parts(train, test, 2)
    assert found["train"][1].tolist() == [0, 1, 2]
    assert found["validation"][1].tolist() == [3, 4]
    assert set(found["digests"]) == {"train x", "train target", "test x", "test target"}
    assert found["digests"] == made.parts(train, test, 0)["digests"]
    with pytest.raises(ConfigError, match="fewer than the 5 examples"):
        made.parts(train, test, 5)


def test_more_than_there_is_cannot_be_asked_for():
    with pytest.raises(ConfigError, match="at most the 100 pairs"):
        addition.problem(addition.Config(digits=1), None)
    with pytest.raises(ConfigError, match="at most the 3,"):
        characters.problem(characters.Config(train_examples=10**6, steps=100), None)


def test_options_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="digits: expected a whole number from 1 to 3, got 4"):
        addition.Config(digits=4)
    with pytest.raises(ConfigError, match="patch: expected a divisor of 28, got 5"):
        vit.net(vit.Config(patch=5))


@pytest.mark.parametrize("kind", ["lstm", "gru", "gpt"])
def test_every_kind_reads_characters(kind):
    net = characters.net(characters.Config(kind=kind, steps=6, features=8))
    assert net.shape(Discrete((6,))) == (6, len(characters.VOCABULARY))


@pytest.mark.parametrize(("reverse", "said"), [(True, [1, 5, 0]), (False, [0, 5, 1])])
def test_an_answer_is_read_in_the_direction_it_was_written(monkeypatch, reverse, said):
    monkeypatch.setattr(addition, "write_on", lambda *args, **options: said)
    config = addition.Config(digits=2, reverse=reverse)
    net = trained.Trained(None, None, None, tuple(addition.WORDS), None, addition.EXPERIMENT.answers, config)
    assert addition.answer(net, "12+39", None, None) == "51 (right)"
    assert addition.answer(net, "12 + 40", None, None) == "51 (should be 52)"


@pytest.mark.parametrize("word", ["12", "1+2+3", "1234+5", "a+b", "+", "-1+2"])
def test_what_is_no_sum_is_refused(word):
    with pytest.raises(ConfigError, match="two numbers of at most 3 digits"):
        addition.read(word, addition.Config(), Discrete((11,)), tuple(addition.WORDS))


@pytest.mark.parametrize("held", [0, 50])
def test_pairs_are_made_of_every_part_under_its_own_name(held):
    found = datasets.digits("bundled", validation_examples=held)
    made = datasets.paired(found, lambda part, x: (np.array([part]), x))
    parts = ("train", "test", *(["validation"] if held else []))
    for part in parts:
        name, pictures = getattr(made, part)
        assert name.tolist() == [part]
        assert pictures is getattr(found, part)[0]
    assert made.classes == ()
    assert (made.validation is None) == (not held)
    assert made.digests == found.digests
