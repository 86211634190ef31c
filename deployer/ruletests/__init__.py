"""Rule tests: what a rule must see and what it must not be fooled by, run on local engines."""
