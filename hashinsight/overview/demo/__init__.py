"""The demo: a host with sites, customers, people and thousands of simulated miners, all from one command."""
