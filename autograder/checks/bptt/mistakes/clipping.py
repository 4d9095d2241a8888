"""What people get wrong in clipping by the global norm."""

from autograder.checks.mistakes import HERE_ONLY, Mistake

_NORM = "np.sqrt(np.sum(dW**2) + np.sum(dU**2) + np.sum(db**2))"
_SCALE = "max_norm / norm if norm > max_norm else 1.0"
_RETURN = "return scale * dW, scale * dU, scale * db, norm"

CLIP_BY_GLOBAL_NORM = (
    Mistake(
        "each-array-by-itself",
        _RETURN,
        "dW, dU, db = (g * min(1.0, max_norm / max(np.sqrt(np.sum(g**2)), 1e-300)) for g in (dW, dU, db))\n"
        "    return dW, dU, db, norm",
        "Each array is scaled by its own norm, so the whole turns to another direction. All of them get *one* factor, "
        "from the norm of all of them together.",
        "eq-vanish-clip",
        elsewhere={
            "pytorch": (
                _RETURN,
                "dW, dU, db = (g * min(1.0, max_norm / max(torch.sqrt(torch.sum(g**2)), 1e-30)) for g in (dW, dU, db))"
                "\n    return dW, dU, db, norm",
            ),
            "tensorflow": (
                _RETURN,
                "dW, dU, db = (tf.clip_by_norm(g, max_norm) for g in (dW, dU, db))\n    return dW, dU, db, norm",
            ),
        },
    ),
    Mistake(
        "by-value",
        _RETURN,
        "dW, dU, db = (np.clip(g, -max_norm, max_norm) for g in (dW, dU, db))\n    return dW, dU, db, norm",
        "This is clipping by value: each entry is cut by itself, and the direction changes. Clipping by norm "
        "multiplies all entries by one factor.",
        "eq-vanish-clip-value",
        elsewhere={
            "tensorflow": (
                _RETURN,
                "dW, dU, db = (tf.clip_by_value(g, -max_norm, max_norm) for g in (dW, dU, db))\n"
                "    return dW, dU, db, norm",
            )
        },
    ),
    Mistake(
        "norm-squared",
        _NORM,
        "np.sum(dW**2) + np.sum(dU**2) + np.sum(db**2)",
        "This is the square of the norm: the root is missing.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "norms-added",
        _NORM,
        "np.sqrt(np.sum(dW**2)) + np.sqrt(np.sum(dU**2)) + np.sqrt(np.sum(db**2))",
        "The norms of the arrays are added. Lengths along different directions add up as squares: one root, over the "
        "sum of all squares.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "largest-norm",
        _NORM,
        "np.sqrt(max(np.sum(dW**2), np.sum(dU**2), np.sum(db**2)))",
        "This is the norm of the largest array alone. The global norm is that of all arrays put together.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "largest-entry",
        _NORM,
        "max(np.max(np.abs(dW)), np.max(np.abs(dU)), np.max(np.abs(db)))",
        "This is the largest entry. The norm here is the Euclidean one: the root of the sum of all squares.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "magnitudes-added",
        _NORM,
        "np.sum(np.abs(dW)) + np.sum(np.abs(dU)) + np.sum(np.abs(db))",
        "The magnitudes of the entries are added. The norm here is the Euclidean one: the root of the sum of all "
        "squares.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "mean-square",
        _NORM,
        "np.sqrt(np.mean(dW**2) + np.mean(dU**2) + np.mean(db**2))",
        "The squares are averaged in each array. A norm is the root of the *sum* of all squares, so large arrays weigh "
        "more than small ones.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "bias-not-in-the-norm",
        " + np.sum(db**2)",
        "",
        "The bias is left out of the norm. The global norm is over *all* gradients.",
        "eq-vanish-global-norm",
    ),
    Mistake(
        "matrices-only",
        "scale * db",
        "1 * db",
        "The bias is not scaled. All gradients get the same factor, or the direction changes.",
        "eq-vanish-clip",
    ),
    Mistake(
        "small-gradients-enlarged",
        _SCALE,
        "max_norm / norm if norm > 0 else 1.0",
        "Gradients below the limit are scaled *up* to it. Clipping only makes them smaller: the factor is at most 1.",
        "eq-vanish-clip",
    ),
    Mistake(
        "large-gradients-kept",
        _SCALE,
        "1.0 if norm > max_norm or norm == 0 else max_norm / norm",
        "The comparison is the wrong way round: large gradients are kept, and small ones are scaled up to the limit.",
        "eq-vanish-clip",
    ),
    Mistake(
        "factor-upside-down",
        "max_norm / norm if",
        "norm / max_norm if",
        "The factor is upside down, so large gradients become larger still. Times limit / norm, the norm becomes the "
        "limit.",
        "eq-vanish-clip",
    ),
    Mistake(
        "scaled-to-length-one",
        "max_norm / norm if",
        "1.0 / norm if",
        "The clipped gradient has length 1, whatever the limit is. Its length is to be the limit.",
        "eq-vanish-clip",
    ),
    Mistake(
        "set-to-the-limit",
        _RETURN,
        "dW, dU, db = (g if scale == 1 else max_norm + 0 * g for g in (dW, dU, db))\n    return dW, dU, db, norm",
        "Where the norm is too large, every entry is set to the limit: the direction is gone. The gradient is *scaled* "
        "to the limit.",
        "eq-vanish-clip",
    ),
    Mistake(
        "dropped-above-the-limit",
        _SCALE,
        "0.0 if norm > max_norm else 1.0",
        "Gradients above the limit are thrown away. Clipping keeps their direction and shortens them to the limit.",
        "eq-vanish-clip",
    ),
    Mistake(
        "norm-after-clipping",
        "scale * db, norm",
        "scale * db, scale * norm",
        "The norm that is returned is the one after clipping. Asked for is that before: it says how often clipping is "
        "at work.",
        "eq-vanish-clip",
    ),
    Mistake(
        "zero-divided-by-zero",
        _SCALE,
        "(norm if norm < max_norm else norm * 0 + max_norm) / norm",
        "When all gradients are zero, the norm is zero and you divide zero by it: NaN. Compare first, and divide only "
        "where the norm is above the limit.",
        "eq-vanish-clip",
    ),
    Mistake(
        "small-number-added",
        "max_norm / norm if",
        "max_norm / (norm + 1e-6) if",
        "A small number is added to the norm, so the result ends below the limit. Some libraries do that; here the "
        "factor is exact, and norm 0 is never above the limit.",
        "eq-vanish-clip",
    ),
    Mistake(
        "argument-changed",
        _RETURN,
        "dW *= scale\n    dU *= scale\n    db *= scale\n    return dW, dU, db, norm",
        "The caller's gradients are scaled in place.",
        elsewhere={"tensorflow": None},  # tensors cannot be changed
    ),
    Mistake(
        "double-precision",
        "return scale * dW, scale * dU, scale * db, norm",
        "scale = np.float64(scale)\n    return scale * dW, scale * dU, scale * db, norm",
        "The factor is a float64 of NumPy's, and everything it multiplies becomes float64. A Python number would leave "
        "the type alone.",
        elsewhere=HERE_ONLY,
    ),
)
