"""What serves pages to browsers: a server with limits, who may reach it, and a feed of events. It knows no run."""
