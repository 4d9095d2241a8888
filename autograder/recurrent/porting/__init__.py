"""One set of parameters, every framework: from the course's layout to PyTorch's, Keras's, ONNX's, Flax's and
Haiku's, and back.

A Cell is a kind and plain NumPy arrays in our layout; each module knows one other layout, as plain arrays too, and
imports no framework (`onnx_model` and `from_onnx_model` alone import onnx, when called). What a layout has no place
for is refused with CannotRepresent, a ValueError that says why. `to_layer` makes of a cell the NumPy layer that runs;
`stack_from_pytorch`, `stack_from_keras` and `onnx_layer` make whole layers: several on top of each other, both
directions.
"""

from autograder.recurrent.porting.cell import CannotRepresent, Cell, Kind, uncouple
from autograder.recurrent.porting.flax import from_flax, to_flax
from autograder.recurrent.porting.haiku import from_haiku, to_haiku
from autograder.recurrent.porting.keras import from_keras, to_keras
from autograder.recurrent.porting.layers import from_layer, to_layer
from autograder.recurrent.porting.onnx import Node, from_onnx, to_onnx
from autograder.recurrent.porting.onnx_layer import Outputs, onnx_layer, onnx_node, run_onnx
from autograder.recurrent.porting.onnx_model import from_onnx_model, onnx_model
from autograder.recurrent.porting.pytorch import from_pytorch, to_pytorch
from autograder.recurrent.porting.stacks import stack_from_keras, stack_from_pytorch, stack_to_keras, stack_to_pytorch

__all__ = [
    "CannotRepresent",
    "Cell",
    "Kind",
    "Node",
    "Outputs",
    "from_flax",
    "from_haiku",
    "from_keras",
    "from_layer",
    "from_onnx",
    "from_onnx_model",
    "from_pytorch",
    "onnx_layer",
    "onnx_model",
    "onnx_node",
    "run_onnx",
    "stack_from_keras",
    "stack_from_pytorch",
    "stack_to_keras",
    "stack_to_pytorch",
    "to_flax",
    "to_haiku",
    "to_keras",
    "to_layer",
    "to_onnx",
    "to_pytorch",
    "uncouple",
]
