"""What a provider does and what a test may demand of a call: values in, values out.

Nothing here has heard of pytest, an HTTP library or the real clock.
"""
