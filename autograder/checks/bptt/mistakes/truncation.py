"""What people get wrong in cutting the walk back short."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_CUT_TORCH = "h = h.detach()"
_CUT_TF = "h = tf.stop_gradient(h)"
_STEP_TORCH = "h = torch.tanh(X[t] @ self.W + h @ self.U + self.b)"
_STEP_TF = "h = tf.tanh(X[:, t] @ self.W + h @ self.U + self.b)"
_IN_CHUNK = (
    "for t in reversed(steps):\n            h_prev = H[t - 1] if t > start else before\n            dh = dh + G[t]"
)

BY_CHUNKS = (
    Mistake(
        "never-cut",
        _IN_CHUNK,
        "for t in reversed(range(steps[-1] + 1)):\n"
        "            h_prev = H[t - 1] if t > 0 else h_0\n"
        "            dh = dh + (G[t] if t >= start else 0)",
        "Nothing is cut: this is the full gradient, back to the first step. The state that enters a chunk must count "
        "as a constant (and `h.detach()` by itself does nothing: it *returns* the constant).",
        "sec-bptt-detach",
        elsewhere={
            "pytorch": (_CUT_TORCH, "h.detach()"),
            "tensorflow": (_CUT_TF, "tf.stop_gradient(h)"),
        },
    ),
    Mistake(
        "cut-at-every-step",
        "dh = dh + G[t]",
        "dh = G[t]",
        "The gradient is cut at every step, not only where a chunk begins. Inside a chunk it flows from step to step.",
        "sec-bptt-detach",
        elsewhere={
            "pytorch": (_STEP_TORCH, "h = torch.tanh(X[t] @ self.W + h.detach() @ self.U + self.b)"),
            "tensorflow": (_STEP_TF, "h = tf.tanh(X[:, t] @ self.W + tf.stop_gradient(h) @ self.U + self.b)"),
        },
    ),
    Mistake(
        "state-reset-to-zero",
        "before = h\n",
        "before = h = np.zeros_like(h_0)\n",
        "Each chunk starts from a state of zeros, so the network forgets. Only the *gradient* is cut; the state is "
        "carried on.",
        "sec-bptt-detach",
        elsewhere={
            "pytorch": (_CUT_TORCH, "h = torch.zeros_like(h_0)"),
            "tensorflow": (_CUT_TF, "h = tf.zeros_like(h_0)"),
        },
    ),
    Mistake(
        "state-reset-to-the-first",
        "before = h\n",
        "before = h = h_0\n",
        "Each chunk starts from h_0 again. Only the *gradient* is cut; the state goes on from where the chunk before "
        "ended.",
        "sec-bptt-detach",
        elsewhere={"pytorch": (_CUT_TORCH, "h = h_0"), "tensorflow": (_CUT_TF, "h = h_0")},
    ),
    Mistake(
        "initial-state-ignored",
        "h = h_0\n",
        "h = np.zeros_like(h_0)\n",
        "The first chunk starts from zeros. It starts from h_0, which came in from outside.",
        "eq-bptt-forward",
        elsewhere={
            "pytorch": ("states, h = [], h_0", "states, h = [], torch.zeros_like(h_0)"),
            "tensorflow": ("states, h = [], h_0", "states, h = [], tf.zeros_like(h_0)"),
        },
    ),
    Mistake(
        "chunks-one-step-longer",
        "h = h_0\n",
        "h, k = h_0, k + 1\n",
        "The chunks hold one step too many. A chunk has k steps: the gradient is cut before steps 0, k, 2k, … counted "
        "from 0.",
        "sec-bptt-detach",
        elsewhere={
            "pytorch": ("t % self.k == 0", "t % (self.k + 1) == 0"),
            "tensorflow": ("t % self.k == 0", "t % (self.k + 1) == 0"),
        },
    ),
    Mistake(
        "cut-one-step-early",
        "for start in range(0, len(X), k):\n        steps = range(start, min(start + k, len(X)))",
        "for start in sorted({0, *range(k - 1, len(X), k)}):\n"
        "        steps = range(start, min((start + 1) // k * k + k - 1 + (k == 1), len(X)))",
        "The gradient is cut one step early, so that the first chunk has k − 1 steps. Counting from 0, a chunk begins "
        "where t is a multiple of k.",
        "sec-bptt-detach",
        elsewhere={
            "pytorch": ("t % self.k == 0", "(t + 1) % self.k == 0"),
            "tensorflow": ("t % self.k == 0", "(t + 1) % self.k == 0"),
        },
    ),
    Mistake(
        "cut-at-the-first-chunk-only",
        _IN_CHUNK,
        "for t in reversed(range(min(start, k), steps[-1] + 1)):\n"
        "            h_prev = H[t - 1] if t > 0 else h_0\n"
        "            dh = dh + (G[t] if t >= start else 0)",
        "The gradient is cut once, after the first chunk, and then no more. Every chunk begins with a cut: at every "
        "multiple of k.",
        "sec-bptt-detach",
        elsewhere={
            "pytorch": ("t % self.k == 0", "t == self.k"),
            "tensorflow": ("t % self.k == 0", "t == self.k"),
        },
    ),
    Mistake(
        "cut-after-the-first-step",
        "for t in reversed(steps):",
        "for t in reversed(steps[1:]):",
        "The first step of each chunk sends nothing back. Cut the state that goes *in*, then make the step; cut after "
        "the step, the step itself is lost as well.",
        "sec-bptt-detach",
        elsewhere={
            "pytorch": (
                f"if t % self.k == 0:\n                {_CUT_TORCH}\n            {_STEP_TORCH}",
                f"{_STEP_TORCH}\n            if t % self.k == 0:\n                {_CUT_TORCH}",
            ),
            "tensorflow": (
                f"if t % self.k == 0:\n                {_CUT_TF}\n            {_STEP_TF}",
                f"{_STEP_TF}\n            if t % self.k == 0:\n                {_CUT_TF}",
            ),
        },
    ),
    Mistake(
        "last-state-of-a-chunk-unheard",
        "dh = dh + G[t]",
        "dh = dh + (G[t] if t < steps[-1] or t == len(X) - 1 else 0)",
        "The last state of a chunk sends nothing back. The next chunk takes it as a constant, but its own loss does "
        "not. `detach_` cuts the state itself, for every use; `detach` returns another one.",
        "sec-bptt-detach",
        elsewhere={"pytorch": (_CUT_TORCH, "h = h.detach_() if t else h"), "tensorflow": None},
    ),
    Mistake(
        "last-chunk-dropped",
        "range(0, len(X), k)",
        "range(0, len(X) - k + 1, k)",
        "The steps after the last whole chunk are left out. The last chunk may be shorter; it counts like the others.",
        "eq-bptt-tau",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "last-chunk-only",
        "before = h\n",
        "before = h\n        dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)\n",
        "The gradients start from zero in every chunk, so only the last chunk is left. Those of all chunks add up.",
        "eq-bptt-sum",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "gradient-carried-over",
        "dh = np.zeros_like(h_0)",
        "dh = dh if start else np.zeros_like(h_0)",
        "What flows out of one chunk's first step flows into the end of the next one. Each walk starts with δh = 0.",
        "eq-bptt-truncated",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "last-gradient-of-a-chunk-only",
        "dh = dh + G[t]",
        "dh = dh + (G[t] if t == steps[-1] else 0)",
        "Only the last step of a chunk sends a gradient back. Every step has its own G_t, and it is added there.",
        "eq-bptt-G",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "zero-before-a-chunk",
        "H[t - 1] if t > start else before",
        "H[t - 1] if t > start else np.zeros_like(before)",
        "dU misses the first step of every chunk. The state that entered counts as a constant, not as zero: U was "
        "multiplied with it.",
        "eq-bptt-dU",
        elsewhere=HERE_ONLY,
    ),
    Mistake(
        "double-precision",
        "dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)",
        "dW, dU, db = np.zeros(W.shape), np.zeros(U.shape), np.zeros(b.shape)",
        "An array made by np.zeros is float64 whatever the inputs are. Give it their dtype, or use np.zeros_like.",
        elsewhere=HERE_ONLY,
    ),
)

_BLOCKS = "for start in range(0, len(X), k1):"
_BEGIN = "begin = max(0, end - k2)"
_BEFORE = "H[t - 1] if t > 0 else h_0"

TRUNCATED = (
    Mistake(
        "overlaps-counted-twice",
        "if t >= start:",
        "if t >= begin:",
        "Losses in the overlap of two windows count twice. A walk starts from the losses of its own block, the last k1 "
        "steps; what stands before it was sent back by an earlier walk.",
        "eq-bptt-truncated",
    ),
    Mistake(
        "window-one-step-short",
        _BEGIN,
        "begin = max(0, end - k2 + 1)",
        "The windows hold one step too few. A walk covers the steps τ − k2 + 1, …, τ: k2 of them.",
        "eq-bptt-truncated",
    ),
    Mistake(
        "window-one-step-long",
        _BEGIN,
        "begin = max(0, end - k2 - 1)",
        "The windows hold one step too many. A walk covers the steps τ − k2 + 1, …, τ: k2 of them.",
        "eq-bptt-truncated",
    ),
    Mistake(
        "window-before-the-block",
        _BEGIN,
        "begin = max(0, start - k2)",
        "The k2 steps are counted back from the *beginning* of a block. They are counted from its end, where the walk "
        "starts, and include the block's own k1 steps.",
        "eq-bptt-truncated",
    ),
    Mistake(
        "window-is-the-block",
        _BEGIN,
        "begin = start",
        "The walks end where their block begins: this is BPTT(k1, k1). A window reaches k2 steps back from the end.",
        "eq-bptt-truncated",
    ),
    Mistake(
        "never-cut",
        _BEGIN,
        "begin = 0",
        "Every walk goes back to the first step, so nothing is truncated and k2 has no effect.",
        "eq-bptt-truncated",
    ),
    Mistake(
        "window-of-the-shorter-block",
        "end = start + k1",
        "end = min(start + k1, len(X))",
        "The last block's window is counted back from the last step. Where T comes first, think of the sequence as "
        "going on: the window still begins k2 steps before τ = start + k1.",
        "eq-bptt-tau",
        elsewhere={"tensorflow": ("end = start + k1", "end = min(start + k1, X.shape[0])")},
    ),
    Mistake(
        "last-block-dropped",
        "range(0, len(X), k1)",
        "range(0, len(X) - k1 + 1, k1)",
        "The losses after the last whole block go nowhere. A last block that is shorter has its walk like the others.",
        "eq-bptt-tau",
        elsewhere={"tensorflow": ("range(0, X.shape[0], k1)", "range(0, X.shape[0] - k1 + 1, k1)")},
    ),
    Mistake(
        "a-walk-after-every-step",
        f"{_BLOCKS}\n        end = start + k1",
        "for start in range(len(X)):\n        end = start + 1",
        "There is a walk after every step: this is BPTT(1, k2). The walks start every k1 steps.",
        "eq-bptt-tau",
        elsewhere={
            "tensorflow": (
                "for start in range(0, X.shape[0], k1):\n        end = start + k1",
                "for start in range(X.shape[0]):\n        end = start + 1",
            )
        },
    ),
    Mistake(
        "blocks-that-overlap",
        "range(0, len(X), k1)",
        "range(0, len(X))",
        "The blocks begin at every step and hold k1 steps each, so most losses are used k1 times. The next block "
        "begins where this one ends.",
        "eq-bptt-tau",
        elsewhere={"tensorflow": ("range(0, X.shape[0], k1)", "range(0, X.shape[0])")},
    ),
    Mistake(
        "blocks-k2-apart",
        "range(0, len(X), k1)",
        "range(0, len(X), k2)",
        "The walks start every k2 steps, so the losses in between go nowhere. They start every k1 steps and go back "
        "k2.",
        "eq-bptt-tau",
        elsewhere={"tensorflow": ("range(0, X.shape[0], k1)", "range(0, X.shape[0], k2)")},
    ),
    Mistake(
        "last-loss-of-a-block-only",
        "if t >= start:",
        "if t == min(end, len(X)) - 1:",
        "Of each block only the last loss is sent back. All k1 of them belong to the walk: add G_t at each.",
        "eq-bptt-truncated",
        elsewhere={"tensorflow": ("if t >= start:", "if t == min(end, X.shape[0]) - 1:")},
    ),
    Mistake(
        "direct-gradient-only",
        "dh = dh + G[t]",
        "dh = G[t]",
        "Inside the block δh_t holds G_t alone. What came back from the later steps of the window belongs to it too.",
        "eq-bptt-dh",
    ),
    Mistake(
        "last-window-only",
        "dh = np.zeros_like(h_0)",
        "dh = np.zeros_like(h_0)\n        dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(W[0])",
        "The gradients start from zero in every window, so only the last one is left. Those of all windows add up.",
        "eq-bptt-truncated",
    ),
    Mistake(
        "gradient-carried-over",
        "dh = np.zeros_like(h_0)",
        "dh = dh if start else np.zeros_like(h_0)",
        "What flows out of one window's first step flows into the end of the next one. Each walk starts with δh = 0.",
        "eq-bptt-truncated",
    ),
    Mistake(
        "zero-before-a-window",
        _BEFORE,
        "H[t - 1] if t > begin else np.zeros_like(h_0)",
        "dU takes the state before each window as zero. It counts as a constant, which is something else: U was "
        "multiplied with it.",
        "eq-bptt-dU",
    ),
    Mistake(
        "initial-state-before-a-window",
        _BEFORE,
        "H[t - 1] if t > begin else h_0",
        "dU takes h_0 as the state before each window. Truncation cuts the gradient, not the forward pass: before a "
        "window stands the state that entered it.",
        "eq-bptt-dU",
    ),
    Mistake(
        "first-step-wraps-around",
        _BEFORE,
        "H[t - 1]",
        "At the first step H[t − 1] is H[−1], the *last* state. Before the first step stands h_0.",
        "eq-bptt-dU",
    ),
    Mistake(
        "state-that-came-out",
        _BEFORE,
        "H[t]",
        "dU pairs δa_t with the state that went *into* step t, h_{t−1}, not with the one that came out.",
        "eq-bptt-dU",
    ),
    Mistake(
        "no-slope",
        " * (1 - H[t] ** 2)",
        "",
        "The factor 1 − h² is missing: δa_t = δh_t ⊙ (1 − h_t²), because tanh' a = 1 − tanh² a.",
        "eq-bptt-da",
    ),
    Mistake(
        "recurrent-weights-not-transposed",
        "da @ U.T",
        "da @ U",
        "The gradient is sent back along U. Forward it was h_{t−1} U, so backward it is δa_t Uᵀ.",
        "eq-bptt-dh",
    ),
    Mistake(
        "averaged-over-the-walk",
        "db += np.sum(da, axis=0)",
        "db += np.sum(da, axis=0) / k2",
        "db is divided by the length of the walk. Gradients of shared parameters add up over time.",
        "eq-bptt-dW",
    ),
    Mistake(
        "argument-changed",
        "dh = dh + G[t]",
        "G[t] += dh\n                dh = G[t]",
        "The caller's G is added to.",
        elsewhere={"tensorflow": None},  # tensors cannot be changed
    ),
    Mistake(
        "double-precision",
        "dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(W[0])",
        "dW, dU, db = np.zeros(W.shape), np.zeros(U.shape), np.zeros(W.shape[1])",
        "An array made by np.zeros is float64 whatever the inputs are. Give it their dtype, or use np.zeros_like.",
        elsewhere=HERE_ONLY,
    ),
)
