"""Benchmarks that need the simulator: each prints one JSON object (`./hi bench NAME`)."""
