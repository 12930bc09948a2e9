"""The battery at work: behaviours are put onto simulated providers, clients are called, and verdicts fall."""
