"""Reads of telemetry. The scope comes first; strangers' things are not found."""
