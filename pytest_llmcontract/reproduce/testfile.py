"""Stub."""
def test_file(found):
    return "stub"
