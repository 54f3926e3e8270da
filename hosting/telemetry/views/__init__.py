"""Pages of sites and miners."""
