"""What a model says: scripted, made up, or read off a reply."""
