"""The simulated KEDA does as KEDA and the HorizontalPodAutoscaler are documented to do, with what the chart says."""

from dataclasses import replace

import pytest

from tests.deploy.autoscaler import Autoscaler, Scaling
from tests.deploy.charts import scaled_object

SCALING = Scaling(target=5, least=1, most=3, polling_s=15, cooldown_s=60, window_s=60)


@pytest.mark.parametrize("trigger", ["prometheus", "pubsub", "backlog"])
def test_the_chart_says_the_same_of_every_trigger(trigger: str) -> None:
    assert Scaling.read(scaled_object(trigger)) == SCALING


@pytest.mark.parametrize(("depth", "workers"), [(0, 1), (1, 1), (5, 1), (6, 2), (10, 2), (11, 3), (15, 3), (16, 3), (1000, 3)])
def test_so_many_workers_for_so_many_messages(depth: int, workers: int) -> None:
    assert Autoscaler(SCALING).workers(depth, 1, 0) == workers


def test_none_are_brought_to_the_least_whatever_waits() -> None:
    assert Autoscaler(SCALING).workers(0, 0, 0) == 1


def test_fewer_come_only_when_nothing_within_the_window_wanted_more() -> None:
    autoscaler = Autoscaler(SCALING)
    assert autoscaler.workers(16, 1, 0) == 3
    assert [autoscaler.workers(0, 3, now_s) for now_s in (15, 30, 60)] == [3, 3, 3]
    assert autoscaler.workers(7, 3, 61) == 2
    assert [autoscaler.workers(0, 2, now_s) for now_s in (121, 122)] == [2, 1]


def test_a_tenth_more_or_less_is_no_reason() -> None:
    assert Autoscaler(SCALING).workers(14, 3, 0) == 3
    assert Autoscaler(replace(SCALING, target=10)).workers(21, 2, 0) == 2
    assert Autoscaler(replace(SCALING, target=10)).workers(23, 2, 0) == 3


def test_no_more_than_four_or_twice_as_many_come_at_once() -> None:
    many = replace(SCALING, most=100)
    assert Autoscaler(many).workers(1000, 1, 0) == 5
    assert Autoscaler(many).workers(1000, 10, 0) == 20


def test_where_none_may_be_the_last_goes_after_the_cooldown() -> None:
    autoscaler = Autoscaler(replace(SCALING, least=0))
    assert autoscaler.workers(0, 0, 0) == 0
    assert autoscaler.workers(1, 0, 15) == 1
    assert autoscaler.workers(0, 1, 60) == 1
    assert autoscaler.workers(0, 1, 75) == 0
