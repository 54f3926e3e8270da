"""State machines: every pair of states, and who was first."""

from __future__ import annotations

import itertools

import pytest

from hashinsight.core.errors import ConflictError
from hashinsight.core.states import Machine, move
from hosting.fleet.choices import DesiredState
from hosting.fleet.models import Miner
from tests.support.cast import Cast
from tests.support.factories import make_miner

MACHINE = Machine(
    field="desired_state",
    moves=frozenset({("mining", "sleeping"), ("sleeping", "mining"), ("mining", "retired")}),
)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(DesiredState.values, repeat=2)))
def test_the_full_matrix(cast: Cast, old: str, new: str) -> None:
    miner = make_miner(cast.site, desired_state=old)
    rows = Miner.objects.filter(pk=miner.pk)
    if (old, new) in MACHINE.moves:
        move(MACHINE, rows, old=old, new=new, worker="moved")
        expected = (new, "moved")
    else:
        with pytest.raises(ConflictError, match="cannot go"):
            move(MACHINE, rows, old=old, new=new, worker="moved")
        expected = (old, miner.worker)
    assert rows.values_list("desired_state", "worker").get() == expected


def test_who_comes_second_is_told_and_changes_nothing(cast: Cast) -> None:
    miner = make_miner(cast.site)
    rows = Miner.objects.filter(pk=miner.pk)
    move(MACHINE, rows, old="mining", new="sleeping", worker="first")
    with pytest.raises(ConflictError, match="somebody else changed it first") as caught:
        move(MACHINE, rows, old="mining", new="retired", worker="second")
    assert (caught.value.status, caught.value.code) == (409, "conflict")
    assert rows.values_list("desired_state", "worker").get() == ("sleeping", "first")


def test_a_missing_row_is_a_conflict(cast: Cast) -> None:
    with pytest.raises(ConflictError):
        move(MACHINE, Miner.objects.filter(pk=0), old="mining", new="sleeping")
