"""What a provider does and what a test may demand of a call: values in, values out.

Nothing here has heard of pytest, an HTTP library or the real clock. The rooms:

==============  =====================================================================================================
``call/``       the path of one call: begin with :meth:`.call.simulator.Simulator.answer`, which fits on one screen
``operations/`` what a provider can do, a module a family: how it is counted, what it answers, what it costs
``facts/``      what is known: dated records, the edition of a day, and which providers there are
``contract/``   is a request what the provider accepts, a reply what it promises?
``limits/``     how a limit counts, where levels are kept, who decides
``money/``      accounts, the book of what moved, prices of a call
``completion/`` what a model says: scripted, made up, estimated, or read off a reply
``findings/``   the rules, and which of them count
``workload/``   budgets, and whether a flow fits a plan
==============  =====================================================================================================

One noun each: ``exchange`` (what travels), ``clock``, ``world`` (a clock and the providers on it), ``journal`` (what
happened in a test), ``ledger`` (the calls of one provider), ``shelf`` (things that last), ``provider`` (one as a
value), ``refusal``, ``settings``, ``errors``, ``site``, ``secrets``, ``words``, ``files``.
"""
