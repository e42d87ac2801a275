"""Directions from gradients: they lead to the lowest point of a bowl, whatever the first guess of its curvature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.quasi_newton import Matrix, StepDirections

SIZE, COLUMNS = 6, 3


def bowl(seed: int) -> tuple[Matrix, Matrix]:
    """(curvature, lowest point) of a function that is quadratic."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(SIZE, SIZE))
    curvature = (root @ root.T / SIZE + np.eye(SIZE)).astype(np.float32)
    return curvature, random.normal(size=(SIZE, COLUMNS)).astype(np.float32)


def reached(curvature: Matrix, lowest: Matrix, guess: Matrix, steps: int) -> Matrix:
    directions = StepDirections(guess)
    at = np.zeros_like(lowest)
    gradient = curvature @ (at - lowest)
    for _ in range(steps):
        step = directions.down(gradient)
        # As far as the ground falls, which is known for a bowl.
        steepness = float(np.vdot(step, curvature @ step))
        step *= np.float32(-np.vdot(gradient, step) / steepness if steepness else 0.0)
        at = at + step
        before, gradient = gradient, curvature @ (at - lowest)
        directions.learn(step, gradient - before)
    return at


@settings(max_examples=30)
@given(st.integers(0, 1_000), st.floats(0.05, 20))
def test_they_lead_to_the_lowest_point_whatever_the_first_guess(seed: int, scale: float) -> None:
    curvature, lowest = bowl(seed)
    guess = np.float32(scale) * np.eye(SIZE, dtype=np.float32)
    assert reached(curvature, lowest, guess, steps=40) == pytest.approx(lowest, abs=1e-3)


@given(st.integers(0, 1_000))
def test_one_step_is_enough_where_the_guess_is_right(seed: int) -> None:
    curvature, lowest = bowl(seed)
    right = np.linalg.inv(curvature)
    assert -StepDirections(right).down(-curvature @ lowest) == pytest.approx(-lowest, abs=1e-3)


@given(st.integers(0, 1_000), st.integers(0, 12))
def test_they_lead_down_after_any_steps(seed: int, steps: int) -> None:
    random = np.random.default_rng(seed)
    directions = StepDirections(np.eye(SIZE, dtype=np.float32))
    for _ in range(steps):
        step, change = random.normal(size=(2, SIZE, COLUMNS)).astype(np.float32)
        directions.learn(step, change)
    gradient = random.normal(size=(SIZE, COLUMNS)).astype(np.float32)
    assert np.vdot(directions.down(gradient), gradient) < 0
