"""How the modules' matrices start."""

import torch
from torch import Tensor, nn


@torch.no_grad()
def start_matrices(W: Tensor, U: Tensor, blocks: int) -> None:
    """Fill each gate's block by itself: W (D, nH) uniform after Glorot, U (H, nH) orthogonal, so that it keeps lengths.

    Over all gates at once, Glorot's bound would be too small and no gate's block of U orthogonal. Half precision
    has no QR decomposition: the orthogonal matrix is made in float32 then, and rounded.
    """
    for block in W.chunk(blocks, dim=1):
        nn.init.xavier_uniform_(block)
    for block in U.chunk(blocks, dim=1):
        exact = torch.empty_like(block, dtype=torch.promote_types(U.dtype, torch.float32))
        block.copy_(nn.init.orthogonal_(exact))
