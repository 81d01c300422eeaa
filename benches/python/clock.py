"""Rounds in which the contenders of a row take turns."""

from __future__ import annotations

import gc
import random
import statistics
import time
from dataclasses import dataclass

from contender import Call


@dataclass(frozen=True)
class Plan:
    """How long and how often, in seconds."""

    turn: float
    rounds: int
    #: A row takes no longer than about this, and fewer rounds if it would.
    limit: float


FULL = Plan(turn=100e-6, rounds=501, limit=6)
QUICK = Plan(turn=50e-6, rounds=101, limit=1)

#: Fewer rounds say nothing.
FEWEST_ROUNDS = 7


@dataclass(frozen=True)
class Timing:
    #: The median, for one operation.
    nanoseconds: float
    #: The median of the ratios to the floor of the same round, and the quartiles around it.
    ratio: float
    low: float
    high: float


def measure(calls: list[Call], plan: Plan) -> list[Timing]:
    """Measures all contenders of a row, of which the first is the floor."""
    times = [calibrate(call, plan.turn) for call in calls]
    order = list(range(len(calls)))
    rounds: list[list[float]] = []
    end = time.monotonic() + plan.limit
    gc.collect()
    gc.disable()
    while len(rounds) < plan.rounds and (len(rounds) < FEWEST_ROUNDS or time.monotonic() < end):
        random.shuffle(order)
        this = [0.0] * len(calls)
        for turn in order:
            this[turn] = calls[turn].repeat(times[turn]) / times[turn]
        rounds.append(this)
    gc.enable()
    return [summarize(rounds, which) for which in range(len(calls))]


def calibrate(call: Call, turn: float) -> int:
    """How often an operation must be repeated to take that long."""
    times = 1
    while call.repeat(times) < turn * 1e9:
        times *= 2
    return times


def summarize(rounds: list[list[float]], which: int) -> Timing:
    ratios = sorted(this[which] / this[0] for this in rounds)
    quarter = len(ratios) // 4
    return Timing(
        nanoseconds=statistics.median(this[which] for this in rounds),
        ratio=statistics.median(ratios),
        low=ratios[quarter],
        high=ratios[-1 - quarter],
    )
