"""What is sent: requests as parts, and the sources that their holes are filled from. Pure: no sockets, no files."""
