"""The bundled application of ``llmcontract demo``: a summariser on Groq that falls back to Together, and its tests.

It uses the real SDKs and knows nothing of this project; its tests use the fixtures as any application's would.
"""
