"""What review and accuracy share: map, linked canvases, keys."""
