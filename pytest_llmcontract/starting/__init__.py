"""``llmcontract init``: what a project needs to begin with, made for the clients that it has."""
