"""Answers to `vanilla` that are wrong in other ways than by a known mistake, by framework and question."""

STEP = "def step_forward(x, h_prev, W, U, b):\n    "
RIGHT = "np.tanh(x @ W + h_prev @ U + b)"
BACKWARD = "def step_backward(dh, x, h_prev, h, W, U):\n    "

NUMPY_STEPS = [
    STEP + "raise NotImplementedError()",
    STEP + "pass",
    "def step_forward(x, h_prev, W):\n    return x @ W",
    "def step_forward(h_prev, x, W, U, b):\n    return x @ W",
    "step_forward = 3",
    "step_forward = np.zeros(3)",
    STEP + "for i in range(30):\n        print('line', i)\n    return x @ W + b",
    STEP + f"x += 1\n    b[:] = 0\n    return {RIGHT}",
    STEP + f"return {RIGHT}.astype(object)",
    STEP + f"return {RIGHT}.astype('>f8')",
    STEP + f"return {RIGHT}.astype('complex128')",
    STEP + "return (v for v in x)",
    STEP + "return np.full((len(x), len(b)), np.nan)",
    STEP + "return 'a text'",
    STEP + "return step_forward",
    STEP + "return [[1], [2, 3]]",
    STEP + "return np.array(['a', 'bc'])",
    STEP + "return object()",
    STEP + "return {'a': 1}",
    "class Step:\n    pass\n\n\n" + STEP + "return Step",
    STEP + "async def later():\n        pass\n\n    return iter(x)",
    STEP + "return {1, 2}",
    STEP + "return 10**60",
    STEP + "raise BaseException('nothing else')",
    STEP + "import sys\n    sys.exit(3)",
    STEP + "return np.linalg.inv(0 * (h_prev.T @ h_prev))",
    STEP + "return step_forward(x, h_prev, W, U, b)",
    STEP + "return {}['missing']",
    STEP + "return b'a'.decode('utf-16')",
    "class Lost(LookupError):\n    pass\n\n\ndef inner(x):\n    raise Lost('here')\n\n\n" + STEP + "return inner(x)",
    "def inner(x):\n    raise NotImplementedError()\n\n\n" + STEP + "return inner(x)",
]
NUMPY_BACKWARDS = [
    BACKWARD + "return None",
    BACKWARD + "return dh, x",
    BACKWARD + "return dh",
    BACKWARD + "return dh.T, None, 3, 'a', [1]",
]
RIGHT_AFTER_ALL = [
    STEP + f"return np.matrix({RIGHT})",
    STEP + f"return {{'h': {RIGHT}, 'more': 1}}",
    STEP + f"return [{RIGHT}]",
]

MODULE = "class VanillaRNN(nn.Module):\n    "
INIT = MODULE + "def __init__(self, D, H):\n        super().__init__()\n        "
FUNCTION = (
    "class NAME(torch.autograd.Function):\n"
    "    @staticmethod\n"
    "    def forward(ctx, x, h_prev, W, U, b):\n"
    "        ctx.save_for_backward(x, W)\n"
    "        {}\n\n"
    "    @staticmethod\n"
    "    def backward(ctx, dh):\n"
    "        {}"
)
TANH = "return torch.tanh(x @ W + h_prev @ U + b)"
PYTORCH_MODULES = [
    INIT + "self.rnn = nn.RNN(D, H)",
    INIT + "self.W = nn.Parameter(torch.zeros(H, D))",
    MODULE + "pass",
    MODULE + "def __init__(self, D, H):\n        raise NotImplementedError()",
    "def VanillaRNN(X, h_0, mask):\n    return X",
]
PYTORCH_FUNCTIONS = [
    FUNCTION.format(TANH, "return None, None, dh.T, None, dh.sum(0)"),
    FUNCTION.format(TANH, "return dh, dh"),
    FUNCTION.format(TANH, "x, W = ctx.saved_tensors\n        return torch.autograd.grad(torch.tanh(x @ W), [x, W])"),
    FUNCTION.format("raise NotImplementedError()", "pass"),
    FUNCTION.format("return x, x", "pass"),
    "NAME = torch.tanh",
]

LAYER = "class VanillaRNN(keras.layers.Layer):\n    def __init__(self, H):\n        super().__init__()\n        "
KERAS_LAYERS = [
    LAYER + "self.rnn = keras.layers.SimpleRNN(H, return_sequences=True)\n\n"
    "    def call(self, X, h_0, mask):\n        return self.rnn(X, initial_state=h_0)",
    LAYER + "pass\n\n    def call(self, X, h_0, mask):\n        return X",
    "def VanillaRNN(X, h_0, mask):\n    return X",
]
OPERATION = "@tf.custom_gradient\ndef NAME(x, h_prev, W, U, b):\n    def backward(dh):\n        {}\n\n    {}"
TF_TANH = "return tf.tanh(x @ W + h_prev @ U + b)"
TENSORFLOW_OPERATIONS = [
    "def NAME(x, h_prev, W, U, b):\n    " + TF_TANH,
    OPERATION.format("raise NotImplementedError()", TF_TANH + ", backward"),
    OPERATION.format("return dh, dh, dh, dh, dh", TF_TANH + ", backward"),
]

WRONG = {
    "numpy": {"vanilla/step-forward": NUMPY_STEPS, "vanilla/step-backward": NUMPY_BACKWARDS},
    "pytorch": {"vanilla/sequence-forward": PYTORCH_MODULES, "vanilla/step-backward": PYTORCH_FUNCTIONS},
    "tensorflow": {"vanilla/sequence-forward": KERAS_LAYERS, "vanilla/step-backward": TENSORFLOW_OPERATIONS},
}
