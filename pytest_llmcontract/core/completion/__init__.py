"""What the model says, how many tokens that is, and what a reply says of itself."""
