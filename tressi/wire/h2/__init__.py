"""HTTP/2, as bytes: frames and header blocks in, status, fields and body out."""
