"""Without training: a land-cover network compares what the ground is on both dates (SemiCD-VL's mixed events)."""
