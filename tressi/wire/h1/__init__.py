"""HTTP/1.1 from bytes to status, fields and bodies: declarations for Cython; Python reaches them through `tressi._wire`."""
