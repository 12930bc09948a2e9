"""``llmcontract scan``: dead models, refused fields, wrong addresses and keys in a source tree, before any test runs.

``tree.py``       which files there are
``sources.py``    a file's text, and where in it something is said that counts: strings, values, fences
``whose.py``      which provider a place means
``judge.py``      the rules: ids of models, addresses, keys
``calls.py``      literal calls of clients in Python: fields that the provider refuses
``suppressed.py`` comments that say to let a finding be
``scan.py``       all of it, over a tree
``mend.py``       replacements that the provider named, written into the files
"""
