import doctest
import json
import os
import platform
import sys

import numpy as np
import pytest

from experiments.bench import command, growth, pages, race, slopes, startup
from experiments.bench.command import WORKS
from experiments.bench.contenders import with_fnnet
from experiments.bench.layer_works import IMPORTED, LAYERS, STEPS
from experiments.bench.products import bare
from experiments.bench.works import Work, batch, cotangent, made_shape, multiply_adds, products, weights
from fnnet.errors import ConfigError, FnnetError

TINY = Work(
    "tiny", (1, 8, 8), [("conv", 2, 3, 1), ("relu",), ("max_pool", 2), ("flatten",), ("dense", 10)], 4, "adam", 0.01
)


@pytest.mark.parametrize("name", sorted({*WORKS} - {*IMPORTED}))
def test_weights_fit_the_net_and_multiply_adds_are_those_of_the_shapes(name):
    work = WORKS[name]
    net, params = with_fnnet.made(work)
    x, _ = batch(work, 2)
    y, _ = net.apply(params, x)
    assert y.shape == (2, *made_shape(work))
    if name not in (*LAYERS, *STEPS):
        assert y.shape == (2, 12 if name in ("cnn", "resnet") else 10)
    assert all(value.dtype == np.float32 for value in weights(work))


def test_multiply_adds_by_hand():
    conv, dense = 2 * 9 * 64, 2 * 16 * 10
    assert multiply_adds(TINY, "infer", 1) == conv + dense
    assert multiply_adds(TINY, "train", 1) == 2 * conv + 3 * dense
    assert multiply_adds(slopes.cnn(depth=1), "infer", 1) == (1 + 16) * 16 * 9 * 256 + 16 * 256 * 10
    assert list(products(TINY, "infer", 4)) == [(2, 9, 64 * 4), (10, 2 * 16, 4)]
    gradients = [(9, 64 * 4, 2), (2 * 16, 4, 10), (2 * 16, 10, 4)]  # of the first weights, of the second, of its input
    assert sorted(products(TINY, "train", 4)) == sorted([*products(TINY, "infer", 4), *gradients])
    residual = TINY._replace(layers=[("residual", TINY.layers[:2], (("conv", 2, 1, 0),)), *TINY.layers[2:]])
    assert list(products(residual, "infer", 1)) == [(2, 9, 64), (2, 1, 64), (10, 2 * 16, 1)]


def test_products_of_layers_by_hand():
    grouped = Work("", (4, 9), [("convolution", 1, 6, 3, 2, 1, 1, 2)], 5, "", 0.0)  # 5 windows of 2·3 in 2 groups
    assert list(products(grouped, "both", 5)) == [(3, 6, 25), (6, 25, 3), (6, 3, 25)] * 2
    lstm = Work("", (7, 3), [("lstm", 2)], 5, "", 0.0)
    steps = 7 * (8 * 5 * 5 + 2 * 8 * 5)
    assert multiply_adds(lstm, "both", 5) == steps + 5 * 35 * 8 + 35 * 8 * 3
    attention = Work("", (7, 6), [("attention", 2)], 5, "", 0.0)
    assert multiply_adds(attention, "both", 5) == 12 * 35 * 6 * 6 + 10 * 6 * 7 * 7 * 3
    net = TINY._replace(input=(2, 8, 8), layers=[("convolution", 2, 2, 3, 1, 1, 1, 2), ("skip", TINY.layers[:1])])
    assert list(products(net, "infer", 1)) == [(1, 9, 64), (1, 9, 64), (2, 18, 64)]
    assert made_shape(net) == (4, 8, 8)


def test_the_yardstick_of_a_layer_without_products_is_two_passes():
    small, large = (bare(Work("", (size,), [("gelu",)], 8, "", 0.0), "both", 8) for size in (1000, 100_000))
    assert 0 < small < large < 0.1


def test_layers_alone_are_raced_forward_and_back():
    work = Work("", (5, 4), [("lstm", 3)], 2, "", 0.0)
    y, dparams, dx = with_fnnet.puller(work, 2)()
    assert [y.shape, *(leaf.shape for leaf in dparams), dx.shape] == [(2, 5, 3), (4, 12), (3, 12), (12,), (2, 5, 4)]
    assert cotangent(work, 2).shape == y.shape
    with race.running(["fnnet"], {"fnnet": sys.executable}, 1) as contenders:
        turns, _ = race.race(contenders, work, "both", 2, turn=0.001, rounds=2)
    assert len(turns["fnnet"]) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="processes are bound to cores on Linux only")
def test_contenders_have_as_many_cores_as_threads():
    with race.running(["fnnet"], {"fnnet": sys.executable}, 1) as (contender,):
        assert len(os.sched_getaffinity(contender.process.pid)) == 1


def test_a_race_of_fnnet_alone():
    with race.running(["fnnet"], {"fnnet": sys.executable}, 1) as contenders:
        turns, lacks = race.race(contenders, TINY, "train", 4, turn=0.001, rounds=3)
        facts = contenders[0].ask(do="facts")
    assert lacks == {}
    assert len(turns["fnnet"]) == 3
    assert all(0 < seconds < 5 for seconds in turns["fnnet"])
    assert facts["versions"]["numpy"] == np.__version__


def test_another_checkout_is_raced_with_the_works_of_this_one(tmp_path):
    (tmp_path / "fnnet").symlink_to(race._ROOT / "fnnet")
    names = ["fnnet", *race.BEFORE]
    with race.running(names, dict.fromkeys(names, sys.executable), 1, tmp_path) as contenders:
        turns, lacks = race.race(contenders, TINY, "train", 4, turn=0.001, rounds=2)
        assert lacks == {}
        assert turns.keys() == {*names}
    (tmp_path / "fnnet").unlink()
    (tmp_path / "fnnet").mkdir()
    (tmp_path / "fnnet" / "__init__.py").write_text("raise ImportError('of another time')\n")
    with (
        race.running(["before"], {"before": sys.executable}, 1, tmp_path) as (before,),
        pytest.raises(FnnetError, match="the process of before ended: ImportError: of another time"),
    ):
        before.ask(do="facts")
    with pytest.raises(ConfigError, match="--before: expected a checkout, a folder with fnnet in it"):
        command.main(["lenet5", "--before", str(tmp_path / "nowhere")])


def test_scikit_learn_computes_the_same_loss():
    sklearn = pytest.importorskip("experiments.bench.contenders.with_sklearn", reason="scikit-learn is not installed")
    for name in ("mlp-32", "mlp-256"):
        own, peer = with_fnnet.trainer(WORKS[name], 8), sklearn.trainer(WORKS[name], 8)
        race.agree({"fnnet": [own()], "sklearn": [peer()]}, "train")
    with pytest.raises(NotImplementedError, match="multi-layer perceptrons with ReLU only"):
        sklearn.trainer(WORKS["lenet5"], 8)


def test_other_numbers_stop_the_race():
    with pytest.raises(
        FnnetError, match=r"the loss: expected the same from the same weights, got .* \(torch differs\)"
    ):
        race.agree({"fnnet": [2.30], "torch": [2.31]}, "train")
    with pytest.raises(FnnetError, match="scores: expected the same"):
        race.agree({"fnnet": [1.0, 2.0], "jax": [1.0, 2.1]}, "infer")


def test_a_contender_that_dies_is_told():
    with (
        race.running(["nobody"], {"nobody": sys.executable}, 1) as (contender,),
        pytest.raises(FnnetError, match="the process of nobody ended: ModuleNotFoundError: No module named"),
    ):
        contender.ask(do="facts")


def test_resnet50_is_the_one_of_the_paper():
    work = WORKS["resnet50"]
    assert (
        sum(value.size for value in weights(work)) == 25_557_032 + 26_560
    )  # as the paper's, and a bias for each of the channels of all convolutions
    assert made_shape(work) == (1000,)
    assert 4.0e9 < multiply_adds(work, "infer", 1) < 4.2e9


def test_what_is_imported_predicts_as_what_was_exported():
    pytest.importorskip("onnx", reason="onnx is not installed")
    first, *rest = WORKS["resnet50"].layers[:6]
    small = [("convolution", 2, 4, *first[3:]), rest[0], rest[1], ("max_pool", 3, 2, 1), ("flatten",), ("dense", 10)]
    work = Work("", (3, 20, 20), small, 2, "", 0.0)
    own, back = (with_fnnet.predictor(work._replace(imported=way), 2)() for way in (False, True))
    assert own.shape == (2, 10)
    np.testing.assert_allclose(back, own, rtol=1e-4, atol=1e-5)
    assert command._tasks("resnet50", WORKS["resnet50"]) == [("infer", 1), ("infer", 8)]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="resident pages are counted as Linux tells them")
def test_peaks_are_those_of_the_step_beside_the_net():
    net = Work("", (100,), [("dense", 2000), ("relu",), ("dense", 10)], 5000, "sgd", 0.01)
    values = 5000 * 2000 * 4  # what the first layer makes, which the rectifier and the way back make once more
    found = race.peaks(["fnnet", "kept"], {"fnnet": sys.executable}, 1, net, "train", 5000)
    assert found.keys() == {"fnnet"}
    assert 1.9 < found["fnnet"] / values < 4.5


ROWS = {(row.what, row.axis): row for row in slopes.ROWS}


@pytest.mark.parametrize(
    ("what", "axis"),
    [("MLP", "classes"), ("LSTM", "steps"), ("attention", "steps"), ("embedding", "vocabulary"), ("U-Net", "size")],
)
def test_memory_grows_as_the_arithmetic_asks(what, axis):
    """Time is for a quiet machine; what NumPy takes is the same on all."""
    row = ROWS[what, axis]
    (found,) = slopes.measured([row._replace(sizes=row.sizes[:3])], 1)
    assert found["memory"]["asked"] == row.memory
    assert row.memory - 0.75 < found["memory"]["measured"] < row.memory + 0.05
    assert len(found["seconds"]) == len(found["bytes"]) == 3
    assert slopes.line(found).startswith(f"{what}, {axis} ")


def test_works_of_slopes_are_built_at_their_least_size():
    for row in slopes.ROWS:
        work = row.make(row.sizes[0])
        net, params = with_fnnet.made(work)
        assert net.apply(params, batch(work, 2)[0])[0].shape == (2, *made_shape(work))
        assert [*row.sizes] == sorted(row.sizes)


def test_what_it_takes_to_begin():
    found = startup.measured(times=1)
    assert found["import fnnet"]["at_most"] == found["import numpy"]["least"] + 0.08
    assert 0 < found["import numpy"]["least"] <= found["import numpy"]["median"] < found["import fnnet"]["least"] < 10
    assert found["first step"]["least"] > 0.5
    assert "goal 0.150" in startup.line(found)


def test_timings_and_slopes():
    assert race.timing([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0, 1.0)
    assert race.settled([1.0, 2.0, 1.5, 1.5])
    assert not race.settled([1.0, 1.0, 1.5, 1.5])
    sizes = [1, 2, 4, 8]
    assert slopes.exponent(sizes, [5 * s**1.5 for s in sizes]) == pytest.approx(1.5)


def test_the_table_and_the_json(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "WORKS", {"lenet5": TINY})
    path = tmp_path / "bench.json"
    words = ["lenet5", "slopes", "--against", "thinc", "--threads", "1", "--json", str(path)]
    words += ["--starts", "2", "--rounds", "1", "--turn", "0.001"]
    monkeypatch.setattr(command, "TEST_SET", 300)
    monkeypatch.setattr(slopes, "ROWS", (slopes.ROWS[0]._replace(sizes=(2, 4)),))
    monkeypatch.setattr(slopes, "SECONDS", 0.001)
    assert command.main(words) == 0
    shown, found = capsys.readouterr().out, json.loads(path.read_text())
    assert [(row["mode"], row["batch"]) for row in found["rows"]] == [("train", 4), ("infer", 1), ("infer", 300)]
    assert all(row["seconds"]["fnnet"]["median"] > 0 for row in found["rows"])
    assert all(0 < row["share_of_gemm_peak"] < 1 for row in found["rows"])
    assert all(0 < row["products_seconds"] < 1 for row in found["rows"])
    assert [(row["work"], row["axis"], row["sizes"]) for row in found["slopes"]] == [("MLP", "batch", [2, 4])]
    assert (found["threads"], "startup" in found) == (1, False)
    assert "lenet5 train 4" in shown
    assert "MLP, batch" in shown
    if platform.libc_ver()[0] == "glibc":
        assert found["rows"][0]["peak_bytes"]["fnnet"] > 0
        assert "peak memory of lenet5 train 4, MB: fnnet" in shown
    if found["missing"]:
        assert "not installed: thinc" in shown


def test_a_profile_knows_every_layer_and_where_the_time_went(tmp_path, capsys, monkeypatch):
    work = TINY._replace(layers=[("residual", (("batch_norm",),), (("conv", 1, 1, 0),)), *TINY.layers])
    monkeypatch.setattr(command, "WORKS", {"tiny": work})
    path = tmp_path / "profile.json"
    assert command.main(["tiny", "--profile", "--threads", "1", "--json", str(path)]) == 0
    shown, rows = capsys.readouterr().out, json.loads(path.read_text())["profile_seconds"]["tiny"]
    layers = ["residual_0.body.batch_norm_0", "residual_0.shortcut.conv2d_0", "conv2d_0", "relu_0", "max_pool_0"]
    rest = ["loss", "checks and what joins the layers", "optimizer"]
    assert [what for what, *_ in rows] == [*layers, "flatten_0", "dense_0", *rest]
    assert all(forward > 0 for _, forward, _ in rows)
    assert all(backward > 0 for what, _, backward in rows if what not in rest[1:])
    assert "tiny train" in shown
    assert shown.splitlines()[-1].endswith("100%")


def test_unknown_works():
    with pytest.raises(
        ConfigError, match=r"work: expected 'nets' or 'layers' or 'slopes' or 'startup' or 'lenet5' or .*, got 'lenet6'"
    ):
        command.main(["lenet6"])
    with pytest.raises(ConfigError, match=r"work: expected one that is trained, to profile, got 'lstm'"):
        command.main(["lstm", "--profile"])


@pytest.mark.parametrize("option", ["--threads", "--starts", "--rounds"])
def test_nothing_is_timed_zero_times(option):
    with pytest.raises(ConfigError, match=f"^{option}: expected a whole number ≥ 1, got 0"):
        command.main(["lenet5", option, "0"])


@pytest.mark.parametrize("path", [*pages.READMES, pages.FULL], ids=lambda path: path.name)
def test_the_pages_have_the_figures_of_the_file(path):
    results = pages.read()
    text = path.read_text(encoding="utf-8")
    assert pages.renewed(path, results) == text
    results["nets"]["rows"][0]["seconds"]["torch"]["median"] = 0.01234
    changed = pages.renewed(path, results).splitlines()
    differ = [new for new, old in zip(changed, text.splitlines(), strict=True) if new != old]
    assert len(differ) == (2 if path == pages.FULL else 1)  # there beside what came before, too
    assert " | 12.3 | " in differ[0]


def test_a_page_without_its_table_is_told():
    for renew in (lambda page: pages.with_table(page, pages.HEAD, []), lambda page: pages.with_figures(page, [["1"]])):
        with pytest.raises(ConfigError, match="page: expected a table"):
            renew("# No table\n")


def test_how_the_pages_are_written():
    assert not doctest.testmod(pages).failed
    assert not doctest.testmod(slopes).failed


@pytest.mark.skipif(sys.platform != "linux", reason="resident pages are counted as Linux tells them")
def test_growth_has_a_peak_and_steps_for_every_loop(tmp_path, capsys, monkeypatch):
    path = tmp_path / "growth.json"
    monkeypatch.setattr(growth, "STEPS", 3)
    assert command.main(["--growth", "4000000", "--json", str(path)]) == 0
    found = json.loads(path.read_text())
    rows = {(row["loop"], row["rule"]): row for row in found["growth"]}
    assert len(capsys.readouterr().out.splitlines()) == len(rows) == 5
    assert all(len(row["seconds"]) == 3 for row in rows.values())
    assert 1 < rows["products", ""]["peak"] < 3
    assert rows["fold", "adam"]["peak"] + 1 < rows["steps", "adam"]["peak"]
    with pytest.raises(ConfigError, match="--growth: expected a whole number ≥ 4, got 0"):
        command.main(["--growth", "0"])
