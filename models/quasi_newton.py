"""What the steps of a minimisation tell of the curvature (limited-memory BFGS: Nocedal 1980)."""

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

# So many of the last steps are remembered.
REMEMBERED = 6


class StepDirections:
    """Directions in which to go down, from gradients alone.

    Args:
        scale: a first guess of the inverse curvature, the same for each column, shape (rows, rows); symmetric and
            positive definite. The better it is, the fewer steps are needed; where they lead does not depend on it.
    """

    def __init__(self, scale: Matrix) -> None:
        self._scale = scale
        self._steps: list[tuple[Matrix, Matrix, float]] = []

    def down(self, gradient: Matrix) -> Matrix:
        """Where to go from a point with this gradient, shape (rows, columns) like the gradient."""
        left, shares = gradient, []
        for step, change, curvature in reversed(self._steps):
            shares.append(float(np.vdot(step, left)) / curvature)
            left = left - np.float32(shares[-1]) * change
        direction: Matrix = self._scale @ left
        for (step, change, curvature), share in zip(self._steps, reversed(shares), strict=True):
            direction += np.float32(share - float(np.vdot(change, direction)) / curvature) * step
        return -direction

    def learn(self, step: Matrix, change: Matrix) -> None:
        """Takes in that the gradient changed so much along a step; nothing where the ground curves downwards."""
        curvature = float(np.vdot(step, change))
        if curvature > 0:
            self._steps = [*self._steps, (step, change, curvature)][-REMEMBERED:]
