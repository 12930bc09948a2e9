"""What a rule of ours holds against a call, and which of it counts."""
