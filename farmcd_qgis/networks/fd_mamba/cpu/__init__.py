"""FD-Mamba's layers compiled by numba for prediction on a CPU: float32, not differentiable.

Everything lies token by token, the channels beside each other, so that nothing is transposed, flipped or copied, and
each map is read and written as few times as can be.
"""
