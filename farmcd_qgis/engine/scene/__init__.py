"""What a run looks at: rasters, the pair on one grid, masks, tiles, and what speaks against a run."""
