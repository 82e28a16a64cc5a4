"""The page of a comparison: its template, style and script."""
