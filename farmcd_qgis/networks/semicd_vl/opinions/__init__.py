"""Opinions: what somebody says of one date alone, who never saw the pair (docs/methods/semicd_vl.md section 1.1)."""
