"""From class rasters to polygons: components, outlines, areas, the GeoPackage."""
