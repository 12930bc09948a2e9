"""What calls use and cost, whether a plan takes them, and what a test or session may use."""
