import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnnet.errors import ConfigError, WorkerError
from fnnet.parallel import Team, alone, share
from fnnet.parallel.team import together
from fnnet.sums import in_tree, of_subtrees, subtrees
from tests.parallel import teams


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(1, 40))
def test_shares_cover_all_parts_in_order_and_nearly_alike(parts, size):
    shares = [share(parts, rank, size) for rank in range(size)]
    assert [part for own in shares for part in own] == list(range(parts))
    lengths = [len(own) for own in shares]
    assert max(lengths) - min(lengths) <= 1


def pair(left, right):
    return f"({left}{right})"


def by_definition(start, stop):
    if stop - start == 1:
        return f"{start};"
    k = 1
    while 2 * k < stop - start:
        k *= 2
    return pair(by_definition(start, start + k), by_definition(start + k, stop))


@settings(deadline=None)
@given(st.integers(1, 70), st.integers(1, 12))
def test_any_number_of_workers_makes_one_tree(parts, size):
    made = by_definition(0, parts)
    assert in_tree(pair, (f"{i};" for i in range(parts))) == made
    nodes = [node for rank in range(size) for node in subtrees(share(parts, rank, size), parts)]
    assert [part for node in nodes for part in node] == list(range(parts))
    sums = {node: in_tree(pair, (f"{i};" for i in node)) for node in nodes}
    assert of_subtrees(pair, sums, parts) == made


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Team(0, 0, list, list), "size of a team: expected a whole number ≥ 1, got 0"),
        (lambda: Team(2, 2, list, list), "rank in a team: expected one below its size 2, got 2"),
        (lambda: Team(0, 1, None, list), "gather of a team: expected a function, got None"),
        (lambda: Team(0, 1, list, 3), "exchange of a team: expected a function, got 3"),
        (lambda: share(4, 2, 2), "rank: expected one below the size 2, got 2"),
        (lambda: share(-1, 0, 2), "parts: expected a whole number ≥ 0, got -1"),
    ],
)
def test_bad_teams(make, message):
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_a_fault_of_one_is_told_to_all():
    def work(team):
        def own():
            return 1 // (team.rank - 1)

        return together(team, own, lambda value: value)

    found = teams.run(3, work)
    assert {type(error) for error in found} == {WorkerError}
    assert {str(error) for error in found} == {"worker 2 of 3: ZeroDivisionError: integer division or modulo by zero"}
    assert [type(error.__cause__) for error in found] == [type(None), ZeroDivisionError, type(None)]


def test_an_interrupt_of_one_stays_one_there():
    def work(team):
        def own():
            if team.rank == 0:
                raise KeyboardInterrupt

        return together(team, own, lambda value: value)

    first, second = teams.run(2, work)
    assert type(first) is KeyboardInterrupt
    assert str(second) == "worker 1 of 2: KeyboardInterrupt"


def test_a_fault_alone_is_itself():
    def own():
        return 1 // 0

    with pytest.raises(ZeroDivisionError):
        together(alone(), own, lambda value: value)
