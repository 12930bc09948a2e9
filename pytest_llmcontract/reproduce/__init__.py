"""``llmcontract reproduce``: an error somebody pasted, met again offline.

``paste.py``      what was pasted, read
``catalogue.py``  which error of the catalogue its text is
``limits.py``     refusals by a limit: their numbers, and the state behind them
``mistakes.py``   the mistake behind a refused request
``states.py``     the state behind every other error
``scenario.py``   a state and a call, and what the simulator answers
``solve.py``      tries them until one answers with what was pasted
``testfile.py``   writes the scenario as a test
``command.py``    input and output
"""
