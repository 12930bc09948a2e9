"""``llmcontract reproduce``: an error somebody pasted, met again offline.

``loose.py``      objects in a text, in any notation
``signs.py``      whose an error is; ``others.json`` has those that are not simulated
``paste.py``      what was pasted, read
``choose.py``     of several errors the one that is reproduced
``connections.py``  calls that met no reply
``catalogue.py``  which error of the catalogue its text is
``limits.py``     refusals by a limit: their numbers, and the state behind them
``mistakes.py``   the mistake behind a refused request
``states.py``     the state behind every other error
``scenario.py``   a state and a call, and what the simulator answers
``solve.py``      tries them until one answers with what was pasted
``clients.py``    the client that the written test calls by
``testfile.py``   writes the scenario as a test
``command.py``    input and output
"""
