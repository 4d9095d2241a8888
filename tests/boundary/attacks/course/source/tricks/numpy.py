# ---
# ruff: noqa
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Six small questions
#
# Two in the style of this course, four as any teacher writes them for nbgrader.

# %%
import numpy as np
from numpy.linalg import *

from autograder import check

# %% [markdown]
# ## 1. One step forward (2 points)


# %% nbgrader={"grade": false, "grade_id": "step-forward-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step_forward(x, h_prev, W, U, b):
    """The state after one step; x: (B, D), h_prev: (B, H), W: (D, H), U: (H, H), b: (H,)."""
    ### BEGIN SOLUTION
    return np.tanh(x @ W + h_prev @ U + b)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "step-forward", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("vanilla/step-forward", step_forward)

# %% [markdown]
# ## 2. A derivative (1 point)


# %% nbgrader={"grade": false, "grade_id": "softsign-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softsign_derivative(h):
    """dh/da of h = a / (1 + |a|), as a function of h."""
    ### BEGIN SOLUTION
    return (1 - np.abs(h)) ** 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "softsign", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("vanilla/softsign-derivative", softsign_derivative)

# %% [markdown]
# ## 3. A moving average (3 points)


# %% nbgrader={"grade": false, "grade_id": "moving-average-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def moving_average(x, decay):
    """m with m[t] = decay * m[t-1] + (1 - decay) * x[t], starting from 0; x and m: (T,)."""
    ### BEGIN SOLUTION
    m, values = 0.0, []
    for value in x:
        m = decay * m + (1 - decay) * value
        values.append(m)
    return np.array(values)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "moving-average", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def near(got, expected):
    return np.abs(np.asarray(got) - expected).max() < 1e-8


assert near(moving_average(np.ones(3), 0.5), [0.5, 0.75, 0.875])
assert len(moving_average(np.zeros(6), 0.9)) == 6
### BEGIN HIDDEN TESTS
# hidden-line-7c1f
unseen_input = np.array([0.31416, -2.71829, 1.41423])
unseen_answer = np.array([0.27489, -2.3441425, 0.9444334375])
np.testing.assert_allclose(moving_average(unseen_input, 0.125), unseen_answer, rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. A number (1 point)

# %% nbgrader={"grade": false, "grade_id": "half-life-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
# After how many steps has 0.9**t fallen to one half?
### BEGIN SOLUTION
half_life = float(np.log(0.5) / np.log(0.9))
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "half-life", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert 0 < half_life < 100
assert abs(half_life - 6.5788) < 1e-3
assert norm([half_life - 6.5788]) < 1e-3

# %% [markdown]
# ## 5. Scaled rows (2 points)


# %% nbgrader={"grade": false, "grade_id": "scale-rows-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scale_rows(A, factors):
    """A with its row i multiplied by factors[i]; A: (N, M), factors: (N,)."""
    ### BEGIN SOLUTION
    return A * factors[:, None]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "scale-rows", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
from numpy.testing import assert_allclose

draw = np.random.default_rng()
A, factors = draw.normal(size=(4, 3)), draw.normal(size=4)
scaled = scale_rows(A, factors)
assert scaled.shape == (4, 3)
assert_allclose(scaled, A * factors[:, None])
assert near(scale_rows(2 * A, factors), 2 * scaled)

# %% [markdown]
# ## 6. Yes or no (1 point)


# %% nbgrader={"grade": false, "grade_id": "is-stable-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def is_stable(U):
    """Whether the spectral radius of U (H, H) is below one."""
    ### BEGIN SOLUTION
    return bool(np.abs(np.linalg.eigvals(U)).max() < 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "is-stable", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
matrices = [np.eye(3) / 2, np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([[0.0, 9.0], [0.0, 0.0]])]
for got, expected in zip(map(is_stable, matrices), [True, False, True], strict=False):
    assert got == expected
assert is_stable(matrices[0])

# %% [markdown]
# ## 7. In your own words (2 points, marked by hand)

# %% [markdown] nbgrader={"grade": true, "grade_id": "remarks", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Whatever is sensible.
# ### END SOLUTION
