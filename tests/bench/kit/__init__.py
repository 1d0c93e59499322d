"""The parts of tests/bench/run: one file a family, and what they share."""
