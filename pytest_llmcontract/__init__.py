"""pytest-llmcontract: Groq and Together AI, simulated offline, for the tests of applications that call them."""

__version__ = "0.1.0"
