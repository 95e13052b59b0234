"""The accuracy of a map: the random sample, what a person judged, the estimates (Olofsson et al. 2014)."""
