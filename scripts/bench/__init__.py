"""The benchmark: every target of speed and flatness, as a ratio within one run; `scripts/benchmark` starts it."""

from farmcd_qgis.engine.prepare import prepare as prepare_engine
from farmcd_qgis.networks.prepare import prepare as prepare_networks

# A process of its own begins here, before torch is imported.
prepare_networks()
prepare_engine()
