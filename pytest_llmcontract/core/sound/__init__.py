"""Sound: how long a file plays, sound that is made, and the words of a transcript over its time."""
