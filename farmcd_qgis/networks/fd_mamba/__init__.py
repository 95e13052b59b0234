"""FD-Mamba: the network, its text-prior pathway, and its kernels."""
