"""How many workers each endpoint gets: two pure decisions and the greenlet that applies them."""
