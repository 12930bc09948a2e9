"""One file for each subcommand of ``llmcontract``: ``add`` says what it accepts, the rest of the file answers.

Every one of them is imported for ``llmcontract --help`` already, so what a command works with is imported when it runs.
"""
