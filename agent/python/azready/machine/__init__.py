"""The machine: its files, programs, clock and log. Knows nothing of Azure."""
