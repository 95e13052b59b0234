"""What a geometry of any kind holds of polygons, with straight edges."""

from osgeo import ogr

SURFACES = {ogr.wkbPolygon, ogr.wkbMultiPolygon, ogr.wkbCurvePolygon, ogr.wkbMultiSurface, ogr.wkbTriangle}
SURFACES |= {ogr.wkbPolyhedralSurface, ogr.wkbTIN}


def surfaces_of(geometry: ogr.Geometry) -> ogr.Geometry:
    """Return what a geometry holds of polygons as a MultiPolygon of straight edges in two dimensions."""
    made = ogr.Geometry(ogr.wkbMultiPolygon)
    _collect(geometry, made)
    return made


def _collect(geometry: ogr.Geometry, into: ogr.Geometry) -> None:
    kind = ogr.GT_Flatten(geometry.GetGeometryType())
    if kind in SURFACES:
        straight = ogr.ForceToMultiPolygon(geometry.GetLinearGeometry())
        straight.FlattenTo2D()
        for number in range(straight.GetGeometryCount()):
            if not straight.GetGeometryRef(number).IsEmpty():
                into.AddGeometry(straight.GetGeometryRef(number))
    elif kind == ogr.wkbGeometryCollection:
        for number in range(geometry.GetGeometryCount()):
            _collect(geometry.GetGeometryRef(number), into)


def repaired(polygons: ogr.Geometry) -> ogr.Geometry:
    """Return a MultiPolygon as one that is valid, as it is where it is so already; it may be empty.

    Parts that overlap are joined, as they look on a map.
    """
    if polygons.IsValid():
        return polygons
    parts = ogr.Geometry(ogr.wkbMultiPolygon)
    for number in range(polygons.GetGeometryCount()):
        part = polygons.GetGeometryRef(number)
        _collect(part if part.IsValid() else part.MakeValid(), parts)
    return parts if parts.GetGeometryCount() < 2 else surfaces_of(parts.UnionCascaded())
