"""What lasts longer than a call, and what happens later."""
