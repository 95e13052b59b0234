"""Ways of training: each turns a batch into named terms of a loss."""
