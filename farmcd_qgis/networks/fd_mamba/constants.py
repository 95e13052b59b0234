"""Numbers that the network and its kernels share: sizes of the scan, and the series that exponentials are made of."""

# States of the scan, and steps that the short convolution before it sees.
STATES = 16
CONV_WIDTH = 4

LOG2_E = 1.4426950408889634
# 2**f for f in -0.5..0.5 to 9e-8 relative (minimax), highest power first.
EXP2 = (0.0013264726, 0.0096715127, 0.055507337, 0.24022242, 0.69314718, 1.0)
# Below this 2**x is taken for 2**-126, the smallest normal number.
LEAST_EXPONENT = -126.0
# 2 artanh(s) = 2 s (1 + s^2 / 3 + s^4 / 5 + ...), highest power of s^2 first.
ARTANH = tuple(1 / n for n in range(13, 0, -2))
