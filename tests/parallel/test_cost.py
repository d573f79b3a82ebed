"""The model of what more workers bring, on values worked by hand, and the command that prints it."""

import pytest

from fnnet.errors import ConfigError
from fnnet.parallel import cost
from fnnet.parallel.cost import Network
from fnnet.runs.cli import main
from fnnet.runs.commands import scaling

SLOW = Network(latency=2.0, bandwidth=10.0)


@pytest.mark.parametrize(
    ("workers", "by_slices", "by_a_tree"), [(1, 0, 0), (2, 2 * (2 + 3), 2 * (2 + 6)), (3, 4 * (2 + 2), 4 * (2 + 6))]
)
def test_exchanges_of_sixty_bytes(workers, by_slices, by_a_tree):
    assert cost.by_slices(SLOW, workers, 60) == by_slices
    assert cost.by_tree(SLOW, workers, 60) == by_a_tree


def test_slices_are_better_for_bytes_and_a_tree_for_messages():
    assert cost.by_slices(cost.NETWORKS["1GbE"], 64, 1e8) < cost.by_tree(cost.NETWORKS["1GbE"], 64, 1e8)
    assert cost.by_slices(cost.NETWORKS["1GbE"], 64, 1e2) > cost.by_tree(cost.NETWORKS["1GbE"], 64, 1e2)


def test_parts_are_dealt_out_whole():
    assert [cost.step_seconds(12.0, 6, n, 0.0) for n in (1, 2, 3, 4, 5, 6, 7)] == [12, 6, 4, 4, 4, 2, 2]
    for faulty in (
        lambda: cost.step_seconds(1.0, 0, 1, 0),
        lambda: cost.by_slices(SLOW, 0, 1),
        lambda: cost.step_seconds(-1.0, 1, 1, 0),
    ):
        with pytest.raises(ConfigError):
            faulty()


def test_rows_and_what_they_come_to():
    found = {n: (exchange, step, efficiency) for n, exchange, _, step, efficiency in scaling.rows(SLOW, 60, 64.0, 8)}
    assert list(found) == [2**k for k in range(11)]
    assert found[1] == (0, 64, 1)
    assert found[2] == (10, 42, 64 / 84)
    assert found[16][1] == 8 + cost.by_slices(SLOW, 16, 60)
    assert (
        scaling.verdict(SLOW, 60, 64.0, 8)
        == "the quickest step is that of 4 workers: with more, the exchange grows faster"
    )


def test_the_command(capsys):
    words = ["scaling", "dense(3)", "--shape", "4", "--batch", "8", "--micro-batch", "2", "--latency", "1e9"]
    assert main([*words, "--bandwidth", "1"]) == 0
    told = capsys.readouterr().out
    assert "0.00 MB of params, 8 examples in 4 micro-batches" in told
    assert "1e+09 µs, and 1 GB a second" in told
    assert "(threads)" in told
    assert "it does not pay: to exchange the gradients takes longer" in told
    assert main(["scaling", "embedding(5, 2)", "--shape", "3"]) == 1  # it reads ids, and floats come
    for more, fault in (
        (["lenet5", "--network", "carrier pigeon"], "--network: expected '1GbE' or"),
        (["dense(3)"], "--shape: expected that of one example"),
        (["lenet5", "--bandwidth", "0"], "--bandwidth: expected"),
        (["lenet5", "--batch", "0"], "--batch: expected a whole number ≥ 1"),
    ):
        assert main(["scaling", *more]) == 2
        assert fault in capsys.readouterr().err
