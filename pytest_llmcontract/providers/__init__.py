"""The providers: dated data, and the little code that data cannot say."""
