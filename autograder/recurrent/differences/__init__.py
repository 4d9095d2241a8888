"""Where the frameworks' recurrent layers differ, found by running them: the book's table is made of these findings.

`gates` asks a black box which block of its parameters is which gate, and which equation it computes; `behaviour` asks
calls about axes, types, padding and first weights. Both know no framework. `pytorch`, `keras` and `onnx_runtime` put
the questions to theirs, `converted` to Flax and Haiku as `porting` understands them; each has one function, `found()`.
`table` lays the answers side by side. No answer is written down here in advance, and nothing is taught or graded.
"""
