"""Ways in: each turns one library's world into core values; none knows another. They share :mod:`.interception`."""
