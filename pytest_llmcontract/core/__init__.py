"""What a provider does and what a test may demand of a call: values in, values out.

Nothing here has heard of pytest, an HTTP library or the real clock.

A call's way, in :mod:`.simulator`, one line a step; the order is the provider's (``providers/<name>/api.json``):

=============  ==============================================================  ========================
route          which operation is this address?                                :mod:`.routes`
key            is there a credential, in the right place?
contract       is the body what the provider accepts?                          :mod:`.contract.request`
account        may this account call at all?                                   :mod:`.account`
model          does the model exist, still answer, and for this tier?          :mod:`.profile`
size           does it fit the context?                                        :mod:`.completion.tokens`
limiter        is something left of every limit?                               :mod:`.limits`
capacity       has the provider room?
answer         what the model says, scripted or made up                        :mod:`.completion`
meter          what was used and what it costs                                 :mod:`.workload.costs`
headers        in the provider's own form                                      :mod:`.wire`
ledger         what a test can ask later                                       :mod:`.ledger`
=============  ==============================================================  ========================

A scripted fault (:mod:`.script`) strikes at its own step. A recording (:mod:`.tape`) decides in place of the steps,
which still find what is wrong with the request (:mod:`.replay`). What travels are the values of :mod:`.exchange`; what
is known of a provider is an edition (:mod:`.profile`), read from dated data by :mod:`.data`; time is :mod:`.clock`;
a finding is a value of :mod:`.rules`. One call under way is a :class:`~.turn.Turn`. What a test may use altogether is
a budget (:mod:`.workload.budget`).
"""
