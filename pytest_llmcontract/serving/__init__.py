"""``llmcontract serve``: the simulation on a loopback port, for any language.

``paths.py``    which provider, and which scope, an address of the server means
``scopes.py``   worlds side by side: tests that share a server do not disturb each other
``app.py``      the ASGI application: a request in, the provider's reply out, piece by piece
``control.py``  what is asked of the simulation itself, under ``/_llmcontract/``
``running.py``  the server: its port, its start and its end
"""
