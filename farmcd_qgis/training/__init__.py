"""Data sets, augmentation, losses, training loop and evaluation."""
