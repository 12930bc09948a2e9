"""Recordings: vcrpy cassettes of any author are read, dated, scrubbed, verified, and held against the simulation."""
