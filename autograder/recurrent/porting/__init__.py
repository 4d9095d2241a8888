"""One set of parameters, every framework: from the course's layout to PyTorch's, Keras's, ONNX's, Flax's and
Haiku's, and back.

A Cell is a kind and plain NumPy arrays in our layout; each module knows one other layout, as plain arrays too, and
imports no framework (`onnx_model` alone imports onnx, when called). What a layout has no place for is refused with
CannotRepresent, a ValueError that says why. Nothing here runs a network;
`to_layer` makes the NumPy layer that does.
"""

from autograder.recurrent.porting.cell import CannotRepresent, Cell, Kind, uncouple
from autograder.recurrent.porting.flax import from_flax, to_flax
from autograder.recurrent.porting.haiku import from_haiku, to_haiku
from autograder.recurrent.porting.keras import from_keras, to_keras
from autograder.recurrent.porting.layers import from_layer, to_layer
from autograder.recurrent.porting.onnx import Node, from_onnx, to_onnx
from autograder.recurrent.porting.onnx_model import onnx_model
from autograder.recurrent.porting.pytorch import from_pytorch, to_pytorch

__all__ = [
    "CannotRepresent",
    "Cell",
    "Kind",
    "Node",
    "from_flax",
    "from_haiku",
    "from_keras",
    "from_layer",
    "from_onnx",
    "from_pytorch",
    "onnx_model",
    "to_flax",
    "to_haiku",
    "to_keras",
    "to_layer",
    "to_onnx",
    "to_pytorch",
    "uncouple",
]
