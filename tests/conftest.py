"""What all tests share."""

from hypothesis import HealthCheck, settings

# A busy machine must not fail a test: no limit on the time of an example, nor on making one up.
settings.register_profile("farmcd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("farmcd")
