"""What makes the load: lanes, workers, pools and the engine that holds them."""
