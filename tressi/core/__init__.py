"""Clock, token bucket, sliding window, histogram and arena: for Python, `tressi._core`."""
