"""Run Flax's and Haiku's own cells and record their parameters, inputs and outputs in flax_and_haiku.npz.

Not part of the test environment: python -m venv /tmp/jax && /tmp/jax/bin/pip install flax==0.12.8 dm-haiku==0.0.17
jax==0.10.2 && /tmp/jax/bin/python tests/recurrent/data/make_flax_and_haiku_vectors.py
"""

from importlib.metadata import version
from pathlib import Path

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

jax.config.update("jax_enable_x64", True)

T, B, D, H = 4, 3, 2, 5
RNG = np.random.default_rng(20261120)
FLAX = {
    "rnn-tanh": (nnx.SimpleCell, {}),
    "rnn-relu": (nnx.SimpleCell, {"activation_fn": jax.nn.relu}),
    "lstm": (nnx.OptimizedLSTMCell, {}),
    "lstm, gate by gate": (nnx.LSTMCell, {}),
    "gru-after": (nnx.GRUCell, {}),
}
HAIKU = {"rnn-relu": hk.VanillaRNN, "lstm": hk.LSTM, "gru-before": hk.GRU}


def normal(*shape):
    return RNG.normal(size=shape)


def flax_run(make, options, X, state):
    """Parameters {module/name: array}, outputs (T, B, H), and the last state in *our* order (h, c)."""
    cell = make(D, H, dtype=jnp.float64, param_dtype=jnp.float64, rngs=nnx.Rngs(0), **options)
    tree = nnx.state(cell, nnx.Param)
    parameters = {"/".join(map(str, path)): normal(*leaf.shape) for path, leaf in nnx.to_flat_state(tree)}
    for name, value in parameters.items():
        module, leaf = name.split("/")
        getattr(getattr(cell, module), leaf).value = jnp.asarray(value)
    carry = tuple(map(jnp.asarray, state[::-1])) if len(state) == 2 else jnp.asarray(state[0])
    outputs = []
    for x in X:
        carry, h = cell(carry, jnp.asarray(x))
        outputs.append(h)
    return parameters, jnp.stack(outputs), carry[::-1] if len(state) == 2 else (carry,)


def haiku_run(make, X, state):
    """The same for a Haiku core."""

    def unroll(X, *state):
        core = make(H)
        carry = hk.LSTMState(*state) if len(state) == 2 else state[0]
        outputs = []
        for x in X:
            h, carry = core(x, carry)
            outputs.append(h)
        return jnp.stack(outputs), tuple(carry) if len(state) == 2 else (carry,)

    net = hk.without_apply_rng(hk.transform(unroll))
    drawn = jax.tree.map(lambda leaf: normal(*leaf.shape), net.init(jax.random.key(0), X, *state))
    outputs, last = net.apply(drawn, X, *state)
    parameters = {
        f"{module.partition('/')[2]}/{name}": value
        for module, values in drawn.items()
        for name, value in values.items()
    }
    return parameters, outputs, last


def main():
    recorded = {"versions": np.array([f"{name} {version(name)}" for name in ("flax", "dm-haiku", "jax")])}
    runs = {f"flax {kind}": (kind, lambda X, s, a=a: flax_run(*a, X, s)) for kind, a in FLAX.items()}
    runs |= {f"haiku {kind}": (kind, lambda X, s, a=a: haiku_run(a, X, s)) for kind, a in HAIKU.items()}
    for name, (kind, run) in runs.items():
        X, state = normal(T, B, D), [np.tanh(normal(B, H)) for _ in range(1 + kind.startswith("lstm"))]
        parameters, outputs, last = run(X, state)
        recorded |= {f"{name}: parameter {key}": value for key, value in parameters.items()}
        recorded |= {f"{name}: X": X, f"{name}: H": np.asarray(outputs)}
        for k, (first, final) in enumerate(zip(state, last, strict=True)):
            recorded |= {f"{name}: state_0 {k}": first, f"{name}: state {k}": np.asarray(final)}
    np.savez_compressed(Path(__file__).with_name("flax_and_haiku.npz"), **recorded)


if __name__ == "__main__":
    main()
